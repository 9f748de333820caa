import { describe, expect, it } from "vitest";
import { faceOf, type Standing } from "./face";

const NOBODY: Standing = { page: "today", session: undefined, isEmpty: false, hasFailed: false, isAsked: true };
const SOMEBODY: Standing = { ...NOBODY, session: { lacks_second_factor: false } };

describe("which face is shown", () => {
  it.each<[string, Standing, string]>([
    ["before anything is known", { ...NOBODY, isAsked: false }, "nothing"],
    ["a stranger", NOBODY, "sign_in"],
    ["a stranger at the page of the first run", { ...NOBODY, page: "setup" }, "sign_in"],
    ["an empty cloud", { ...NOBODY, isEmpty: true }, "setup"],
    ["no answer", { ...NOBODY, hasFailed: true }, "failure"],
    ["somebody", SOMEBODY, "pages"],
    ["somebody in the first run", { ...SOMEBODY, page: "setup" }, "setup"],
    ["somebody without the factor", { ...NOBODY, session: { lacks_second_factor: true } }, "factor"],
    ["and in the first run, too", { ...NOBODY, page: "setup", session: { lacks_second_factor: true } }, "factor"],
    ["whoever is invited", { ...SOMEBODY, page: "invitation" }, "invitation"],
    ["whoever comes back from proving", { ...NOBODY, page: "proven" }, "proven"],
  ])("%s", (_, standing, face) => expect(faceOf(standing)).toBe(face));
});
