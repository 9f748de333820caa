import { catalogueFaults, looseTexts, unusedKeys } from "@vendomat/ui/check";
import { describe, expect, it } from "vitest";
import en from "./en.json";
import zh from "./zh-CN.json";

const pages: Record<string, string> = import.meta.glob("../**/*.svelte", { query: "?raw", import: "default", eager: true });
const scripts: Record<string, string> = import.meta.glob(["../**/*.ts", "!../**/*.test.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
});

/** Keys made at run time: prefix and a name from the cloud, or from a short list. */
const BUILT = [
  "alarm_entry.", "alarms.cleared", "alarms.passed", "alarms.tab_", "notify.from_", "notify.scheme_", "push.cannot_",
  "account.", "allergen.", "change.", "alarm.", "attention.basis_", "cause_title.", "fix.", "alarms.acknowledged", "alarms.none_", "cause.", "channel.", "claims.none_", "claims.open", "claims.decided", "claims.records_", "claims.state_", "claim_what.", "code.explain_", "code.kind_", "event.", "failure.", "flaw.",
  "setup.step_", "setup.strength_", "steps.machine", "steps.products", "steps.planogram", "steps.way_to_pay", "steps.sale",
  "provider.refused_", "audit.what_", "condition.probe_", "condition.way_", "curves.span_", "events.source_", "stock.", "change.", "people.group_", "people.state_", "permission.", "role_text.",
  "doubts.ask_", "doubts.means_", "doubts.none_", "doubts.open", "doubts.rate_", "doubts.resolved", "doubts.say_", "finding.",
  "bills.kind_", "bills.problem_", "bills.state_", "lifecycle.", "live.", "machine.attention", "machine.new", "machine.o", "order.filter_", "payment.", "plan.shown_", "plans.all", "plans.differs", "plans.drafts", "plans.due", "plans.none_", "product.detail_", "product.energy", "product.name_", "product.shelfLife", "product.sku", "product.tax", "product.age", "product.barcode", "product.wrong_", "map.standing_", "own.state_", "payout.asked", "payout.declined", "payout.done", "payout.was_", "phase.",
  "bulk.", "nutrient.", "mechanism.", "misfit.", "import.products", "import.plans", "member.active", "member.blocked", "member.was_", "posting.", "promo.gives_", "promo.kind_", "promo.state_", "reason.", "recon.ask_", "recon.class_", "recon.fix_", "recon.item_", "recon.means_", "recon.say_", "recon.state_", "recon.which_", "refund.", "role.", "figure.", "margins.span_", "ranking.advice_", "ranking.list_", "ranking.lost_", "sales.by_", "sales.outcome_", "sales.span_", "settlement.", "severity.", "setting.", "sharing.duty_", "sharing.kind_", "sharing.stage_", "site.fixed", "site.line_", "site.minimum", "site.per_unit", "slot.", "source.", "statement.", "theme.", "timeline.", "unit.", "ways.state_", "ways.tried_",
];

describe("the console's words", () => {
  it("are complete in both languages, with the same places", () => {
    expect(catalogueFaults(zh, en)).toEqual([]);
  });

  it("are all used", () => {
    expect(unusedKeys(zh, [...Object.values(pages), ...Object.values(scripts)], BUILT)).toEqual([]);
  });

  it.each(Object.entries(pages))("stand in the catalogues, not in %s", (_, source) => {
    expect(looseTexts(source)).toEqual([]);
  });
});
