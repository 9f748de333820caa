/** Whether this browser was turned on to be told of alarms, and as which of the person's browsers. Small, as every visit asks it. */
const KEY = "vendomat.push";

/** Its id; undefined where it was never turned on, or keeps nothing. */
export function toldAs(): string | undefined {
  try {
    return localStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

export function rememberToldAs(id: string | undefined): void {
  try {
    if (id === undefined) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, id);
  } catch {
    // A browser that keeps nothing is told all the same; it only does not find itself in the list.
  }
}
