/** Asks the cloud about products and planograms. A change quotes the version it was made from. */
import type { Page } from "./views";
import { type Query, queryText, type Reply } from "./client";
import type {
  ImportReport, MachineModel, MachinePlan, MachineWish, ModelBody, Picture, Place, PlanSlot, Planogram, ProductData, ProductFields, ProductFile, ProductList, ProductRow, ProductsDone, Publication, Template,
} from "./goodsViews";

export type Ask = <Value>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply<Value>>;

const PRODUCTS = "/api/v1/products";
const MODELS = "/api/v1/machine-models";
const TEMPLATES = "/api/v1/planogram-templates";

export class GoodsClient {
  constructor(readonly ask: Ask) {}

  products = (query: Query): Promise<Reply<ProductList>> => this.ask("GET", `${PRODUCTS}${queryText(query)}`);
  product = (id: string): Promise<Reply<ProductFile>> => this.ask("GET", `${PRODUCTS}/${id}`);
  createProduct = (data: ProductData): Promise<Reply<ProductFile>> => this.ask("POST", PRODUCTS, data);
  changeProduct = (id: string, data: ProductData, version: number): Promise<Reply<ProductFile>> =>
    this.ask("PUT", `${PRODUCTS}/${id}`, data, quoting(version));
  moveProduct = (id: string, move: "archive" | "restore", version: number): Promise<Reply<ProductFile>> =>
    this.ask("POST", `${PRODUCTS}/${id}/${move}`, undefined, quoting(version));
  /** All of them as they were read, or none; a trial keeps nothing. */
  changeProducts = (products: readonly Pick<ProductRow, "id" | "version">[], fields: ProductFields, isTrial: boolean): Promise<Reply<ProductsDone>> =>
    this.ask("POST", `${PRODUCTS}/change`, { products: products.map(({ id, version }) => ({ id, version })), fields, is_trial: isTrial });
  setCost = (id: string, firstDay: string, costMinor: number): Promise<Reply<ProductFile>> =>
    this.ask("PUT", `${PRODUCTS}/${id}/costs/${firstDay}`, { cost_minor: costMinor });
  putPicture = (file: Blob): Promise<Reply<Picture>> => this.ask("POST", "/api/v1/pictures", file);
  importProducts = (file: Blob, query: Query): Promise<Reply<ImportReport>> =>
    this.ask("POST", `${PRODUCTS}/import${queryText(query)}`, file);
  places = (id: string): Promise<Reply<{ data: Place[] }>> => this.ask("GET", `${PRODUCTS}/${id}/places`);
  /** `at` is null for at once. */
  setPrice = (id: string, priceMinor: number, machines: readonly MachineWish[], at: string | null): Promise<Reply<{ machines: number }>> =>
    this.ask("POST", `${PRODUCTS}/${id}/price`, { price_minor: priceMinor, machines, at });

  planograms = (query: Query): Promise<Reply<Page<MachinePlan>>> => this.ask("GET", `/api/v1/planograms${queryText(query)}`);
  importPlanograms = (file: Blob, query: Query): Promise<Reply<ImportReport>> =>
    this.ask("POST", `/api/v1/planograms/import${queryText(query)}`, file);
  publishMany = (machines: readonly MachineWish[]): Promise<Reply<{ machines: number }>> =>
    this.ask("POST", "/api/v1/planograms/publish", { machines });
  planogram = (machineId: string): Promise<Reply<Planogram>> => this.ask("GET", planogramOf(machineId));
  saveDraft = (machineId: string, slots: readonly PlanSlot[], edit: number): Promise<Reply<Planogram>> =>
    this.ask("PUT", `${planogramOf(machineId)}/draft`, { slots }, quoting(edit));
  dropDraft = (machineId: string, edit: number): Promise<Reply<Planogram>> =>
    this.ask("DELETE", `${planogramOf(machineId)}/draft`, undefined, quoting(edit));
  publish = (machineId: string, wanted: Publication, edit: number): Promise<Reply<Planogram>> =>
    this.ask("POST", `${planogramOf(machineId)}/publish`, wanted, quoting(edit));

  models = (query: Query): Promise<Reply<Page<MachineModel>>> => this.ask("GET", `${MODELS}${queryText(query)}`);
  createModel = (model: ModelBody): Promise<Reply<MachineModel>> => this.ask("POST", MODELS, model);
  changeModel = (id: string, model: ModelBody, version: number): Promise<Reply<MachineModel>> =>
    this.ask("PUT", `${MODELS}/${id}`, model, quoting(version));
  deleteModel = (id: string, version: number): Promise<Reply<null>> =>
    this.ask("DELETE", `${MODELS}/${id}`, undefined, quoting(version));
  /** The slots of the machine's plan make a model, and the machine is of it. */
  makeModel = (machineId: string, name: string): Promise<Reply<MachineModel>> =>
    this.ask("POST", `/api/v1/machines/${machineId}/model`, { name });
  setModel = (machineIds: readonly string[], modelId: string | null): Promise<Reply<null>> =>
    this.ask("POST", "/api/v1/machines/models", { machine_ids: machineIds, model_id: modelId });

  templates = (): Promise<Reply<{ data: Template[] }>> => this.ask("GET", TEMPLATES);
  createTemplate = (name: string, slots: readonly PlanSlot[]): Promise<Reply<Template>> =>
    this.ask("POST", TEMPLATES, { name, slots });
  changeTemplate = (id: string, name: string, slots: readonly PlanSlot[], version: number): Promise<Reply<Template>> =>
    this.ask("PUT", `${TEMPLATES}/${id}`, { name, slots }, quoting(version));
  deleteTemplate = (id: string, version: number): Promise<Reply<null>> =>
    this.ask("DELETE", `${TEMPLATES}/${id}`, undefined, quoting(version));
  applyTemplate = (id: string, machines: readonly MachineWish[]): Promise<Reply<{ machines: number }>> =>
    this.ask("POST", `${TEMPLATES}/${id}/apply`, { machines });
}

function planogramOf(machineId: string): string {
  return `/api/v1/machines/${machineId}/planogram`;
}

/** The head of a change that was made from this version. */
export function quoting(version: number): Record<string, string> {
  return { "if-match": `"v${version}"` };
}
