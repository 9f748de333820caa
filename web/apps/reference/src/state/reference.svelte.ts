/** What the page knows: the document once it is read, what is searched for, and which operation the address names. */
import { type Area, areasOf, found, type OpenApi } from "./document";
import type { Schemas } from "./shape";

const DOCUMENT = "/api/v1/openapi.json";

type Fetch = (address: string) => Promise<Response>;

export class Reference {
  document: OpenApi | undefined = $state.raw();
  isAway = $state(false);
  search = $state("");
  /** The operation that stands behind the address's `#`. */
  opened = $state("");

  readonly areas: readonly Area[] = $derived(this.document === undefined ? [] : areasOf(this.document));
  readonly shown: readonly Area[] = $derived(found(this.areas, this.search));
  readonly count: number = $derived(this.shown.reduce((sum, area) => sum + area.operations.length, 0));
  readonly schemas: Schemas = $derived(this.document?.components?.schemas ?? {});

  constructor(readonly fetch: Fetch) {}

  load = async (): Promise<void> => {
    this.isAway = false;
    try {
      const answer = await this.fetch(DOCUMENT);
      if (!answer.ok) throw new Error(`answered with ${answer.status}`);
      this.document = (await answer.json()) as OpenApi;
    } catch {
      this.isAway = true;
    }
  };

  go = (hash: string): void => {
    try {
      this.opened = decodeURIComponent(hash.replace(/^#/, ""));
    } catch {
      this.opened = "";
    }
  };
}
