/** The rows of a list that are chosen for what is done to many, as they were read. */
export class Chosen<Row extends { id: string }> {
  rows: ReadonlyMap<string, Row> = $state.raw(new Map());

  get size(): number {
    return this.rows.size;
  }

  has = (row: Row): boolean => this.rows.has(row.id);

  toggle = (row: Row): void => {
    const next = new Map(this.rows);
    if (!next.delete(row.id)) next.set(row.id, row);
    this.rows = next;
  };

  /** Whether all of these are, of which there is one. */
  hasAll(rows: readonly Row[]): boolean {
    return rows.length > 0 && rows.every(this.has);
  }

  /** All of these beside what is chosen, or none of them when all were. */
  toggleAll(rows: readonly Row[]): void {
    const next = new Map(this.rows);
    const isAll = this.hasAll(rows);
    for (const row of rows) {
      if (isAll) next.delete(row.id);
      else next.set(row.id, row);
    }
    this.rows = next;
  }

  set(rows: readonly Row[]): void {
    this.rows = new Map(rows.map((row) => [row.id, row]));
  }

  clear = (): void => this.set([]);
}
