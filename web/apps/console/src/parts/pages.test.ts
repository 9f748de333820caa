import { expect, it } from "vitest";
import { partOf } from "./pages";

it("a part is a page that knows whether more follow", () => {
  expect(partOf([1, 2, 3], 0, 2)).toEqual({ data: [1, 2], next_cursor: "2", has_more: true });
  expect(partOf([1, 2, 3], 2, 2)).toEqual({ data: [3], next_cursor: null, has_more: false });
  expect(partOf([1, 2], 0, 2)).toEqual({ data: [1, 2], next_cursor: null, has_more: false });
});
