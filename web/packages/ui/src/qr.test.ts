import { describe, expect, it } from "vitest";
import { svgAddress } from "./qr";

const drawn = (svg: string) => decodeURIComponent(svgAddress(svg).replace("data:image/svg+xml,", ""));

describe("svgAddress", () => {
  it("adds the name space and a view box, so that the image scales", () => {
    expect(drawn('<svg width="29" height="29"><path d="M0 0"/></svg>')).toBe(
      '<svg width="29" height="29" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 29 29"><path d="M0 0"/></svg>',
    );
  });

  it("leaves a complete drawing alone", () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"></svg>';
    expect(drawn(svg)).toBe(svg);
  });

  it("drops the XML declaration and refuses anything else", () => {
    expect(drawn('<?xml version="1.0"?><svg viewBox="0 0 1 1"></svg>')).toMatch(/^<svg/);
    expect(() => svgAddress("<script>alert(1)</script>")).toThrow(TypeError);
  });
});
