/** The few marks that the document's texts have: bullets, `code`, **weight**. Pure, and never markup of its own. */

export type Piece = { kind: "plain" | "code" | "strong"; text: string };
export type Block = { isBullet: boolean; pieces: readonly Piece[] };

const MARKS = /`([^`]+)`|\*\*([^*]+)\*\*/g;

export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(MARKS)) {
    if (match.index > from) found.push({ kind: "plain", text: text.slice(from, match.index) });
    found.push(match[1] !== undefined ? { kind: "code", text: match[1] } : { kind: "strong", text: match[2] ?? "" });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ kind: "plain", text: text.slice(from) });
  return found;
}

/** Paragraphs and bullets; a line that begins with blanks goes on with the one before. */
export function blocks(text: string): Block[] {
  const found: { isBullet: boolean; text: string }[] = [];
  let isFresh = true;
  for (const line of text.split("\n")) {
    const last = found.at(-1);
    if (line.trim() === "") isFresh = true;
    else if (line.startsWith("* ")) found.push({ isBullet: true, text: line.slice(2) });
    else if (last !== undefined && (!isFresh || line.startsWith(" "))) last.text += ` ${line.trim()}`;
    else found.push({ isBullet: false, text: line.trim() });
    if (line.trim() !== "") isFresh = false;
  }
  return found.map((one) => ({ isBullet: one.isBullet, pieces: pieces(one.text) }));
}
