/**
 * Makes a QR drawing that arrives as SVG text safe and scalable: it becomes an image address, so nothing inside it can
 * run, with the name space and the view box an image needs. Refuses anything that is not one SVG element.
 */

const OPENING = /^\s*(?:<\?xml[^>]*\?>\s*)?<svg\b([^>]*)>/;

function attribute(attributes: string, name: string): string | undefined {
  return new RegExp(`\\s${name}="([^"]*)"`).exec(attributes)?.[1];
}

/** SVG text → `data:` address. Raises TypeError when the text is not an SVG drawing. */
export function svgAddress(svg: string): string {
  const opening = OPENING.exec(svg);
  if (opening === null) throw new TypeError("the QR code is not an SVG drawing");
  let attributes = opening[1] ?? "";
  if (attribute(attributes, "xmlns") === undefined) attributes += ' xmlns="http://www.w3.org/2000/svg"';
  if (attribute(attributes, "viewBox") === undefined) {
    const width = Number.parseFloat(attribute(attributes, "width") ?? "");
    const height = Number.parseFloat(attribute(attributes, "height") ?? "");
    if (width > 0 && height > 0) attributes += ` viewBox="0 0 ${width} ${height}"`;
  }
  const whole = `<svg${attributes}>${svg.slice(opening[0].length)}`;
  return `data:image/svg+xml,${encodeURIComponent(whole)}`;
}
