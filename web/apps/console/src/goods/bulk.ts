/** What is changed of many products at once, as it is typed and as the cloud takes it. Pure. */
import { minorOf } from "@vendomat/ui";
import type { ProductFields } from "../api/goodsViews";
import { PERCENT_DECIMALS, wholeOf } from "./form";

export const BULK_FIELDS = ["category", "tax", "age", "isPerishable", "shelfLife", "isAway"] as const;
export type BulkField = (typeof BULK_FIELDS)[number];
/** Those that are changed; the others stay as each product has them. */
export type BulkForm = Readonly<Partial<Record<BulkField, string>>>;

const AGE_MAX = 99;
const DAYS_MAX = 3650;
const PERCENT_MAX = 10_000;

/** What was typed as the cloud takes it, or the name of the first field that cannot be read. */
export function fieldsOf(form: BulkForm): ProductFields | BulkField {
  const fields: ProductFields = {};
  if (form.category !== undefined) fields.category = form.category.trim();
  if (form.tax !== undefined) {
    const tax = minorOf(form.tax.trim() || "0", PERCENT_DECIMALS);
    if (tax === undefined || tax > PERCENT_MAX) return "tax";
    fields.tax_bp = tax;
  }
  if (form.age !== undefined) {
    const age = wholeOf(form.age);
    if (age === undefined || (age ?? 0) > AGE_MAX) return "age";
    fields.age_min = age ?? 0;
  }
  if (form.isPerishable !== undefined) fields.is_perishable = form.isPerishable === "yes";
  if (form.shelfLife !== undefined) {
    const days = wholeOf(form.shelfLife);
    if (days === undefined || days === 0 || (days ?? 0) > DAYS_MAX) return "shelfLife";
    fields.shelf_life_days = days;
  }
  if (form.isAway !== undefined) fields.is_archived = form.isAway === "yes";
  return fields;
}
