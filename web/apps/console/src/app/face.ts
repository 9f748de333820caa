/** Which face the console shows: who is here, and what stands before the pages. */
import type { Session } from "../api/views";

export type Face = "invitation" | "proven" | "setup" | "factor" | "pages" | "failure" | "sign_in" | "nothing";

export type Standing = {
  /** The place the address names. */
  page: string;
  session: Pick<Session, "lacks_second_factor"> | undefined;
  /** Whether nobody has set this cloud up. */
  isEmpty: boolean;
  hasFailed: boolean;
  /** Whether it is known yet who is here. */
  isAsked: boolean;
};

/** A second factor that is missing comes before everything that the session would be refused. */
export function faceOf({ page, session, isEmpty, hasFailed, isAsked }: Standing): Face {
  if (page === "invitation" || page === "proven") return page;
  if (isEmpty) return "setup";
  if (session?.lacks_second_factor === true) return "factor";
  if (session !== undefined) return page === "setup" ? "setup" : "pages";
  if (hasFailed) return "failure";
  return isAsked ? "sign_in" : "nothing";
}
