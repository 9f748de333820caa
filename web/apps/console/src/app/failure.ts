/** Why something did not work, in the reader's words. A refusal nobody foresaw keeps the server's own sentence. */
import type { Schemas } from "@vendomat/api";
import type { Failure } from "../api/client";
import { i18n, t } from "../i18n";

export function failureText(failure: Failure): string {
  if (failure.kind === "not_known") return t("failure.not_known");
  const key = `failure.${failure.problem.code}`;
  return i18n.has(key) ? t(key) : t("failure.other", { detail: failure.problem.detail || failure.problem.code });
}

/** What exactly is wrong with what was given. A name nobody foresaw keeps the server's own sentence. */
export function flawText(flaw: Schemas["FlawView"]): string {
  const key = `flaw.${flaw.code}`;
  return i18n.has(key) ? t(key, flaw.values) : flaw.text;
}
