/** What the console calls the shapes of products and planograms: aliases of types made from the API's document. */
import type { Schemas } from "@vendomat/api";

export type ProductRow = Schemas["ListedProductView"];
export type ProductList = Schemas["ProductListView"];
export type ProductData = Required<Schemas["ProductBody"]>;
export type ProductFile = Omit<Schemas["ProductDetailView"], "data"> & { data: ProductData };
export type ProductFields = Schemas["FieldsBody"];
export type ProductsDone = Schemas["ProductsDoneView"];
export type ImportReport = Schemas["ImportView"];
export type Picture = Schemas["PictureView"];
export type Allergen = Schemas["Allergen"];
export const ALLERGENS = [
  "gluten", "crustaceans", "eggs", "fish", "peanuts", "soya", "milk", "nuts", "celery", "mustard", "sesame", "sulphites", "lupin",
  "molluscs",
] as const satisfies readonly Allergen[];

export const PLAN_FILTERS = ["all", "differs", "drafts", "due"] as const;
export type MachinePlan = Schemas["MachinePlanView"];
export type PlanModel = NonNullable<Planogram["model"]>;
export type ModelSlot = Schemas["ModelSlotView"];
export type Misfit = Schemas["MisfitView"];
export type MachineModel = Schemas["ModelView"];
export type ModelBody = Required<Schemas["ModelBody"]>;
export const MECHANISMS = ["spiral", "belt", "lift", "locker", "cooler", "other"] as const satisfies readonly MachineModel["mechanism"][];
export type PlanSlot = Schemas["PlanSlotView"];
export type StockedSlot = Schemas["StockedPlanSlotView"];
export type PlanChange = Schemas["PlanChangeView"];
export type ChangeKind = PlanChange["kind"];
/** As a planogram names it; in a list of products it is the same and more. */
export type PlannedGood = Omit<Schemas["PlannedProductView"], "is_archived"> & { is_archived?: boolean };
export type Planogram = Schemas["PlanogramView"];
export type Publication = Schemas["PublishBody"];
export type Place = Schemas["PlaceView"];
export type Template = Schemas["TemplateView"];
export type MachineWish = Pick<Schemas["WishBody"], "machine_id" | "edit">;
