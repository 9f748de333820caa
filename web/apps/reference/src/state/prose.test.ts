import { describe, expect, it } from "vitest";
import { blocks, pieces } from "./prose";

describe("prose", () => {
  it("knows code and weight, and leaves the rest as it is", () => {
    expect(pieces("a `b` **c** <i>")).toEqual([
      { kind: "plain", text: "a " },
      { kind: "code", text: "b" },
      { kind: "plain", text: " " },
      { kind: "strong", text: "c" },
      { kind: "plain", text: " <i>" },
    ]);
  });

  it("joins what goes on in the next line", () => {
    const found = blocks("One\ntwo.\n\nThree.\n* first\n  more\n* second");
    expect(found.map((one) => [one.isBullet, one.pieces.map((piece) => piece.text).join("")])).toEqual([
      [false, "One two."],
      [false, "Three."],
      [true, "first more"],
      [true, "second"],
    ]);
  });
});
