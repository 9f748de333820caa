import { describe, expect, it } from "vitest";
import { currencyFor, draftFrom, forgetDraft, keepDraft, newDraft } from "./draft";

const KNOWN = ["CNY", "USD", "EUR"];

class Shelf {
  kept = new Map<string, string>();
  getItem = (key: string) => this.kept.get(key) ?? null;
  setItem = (key: string, value: string) => void this.kept.set(key, value);
  removeItem = (key: string) => void this.kept.delete(key);
}

describe("the draft of a first run", () => {
  it("comes back as it was left", () => {
    const shelf = new Shelf();
    const left = { ...newDraft("Europe/Berlin", KNOWN), name: "Sunshine", email: "ann@vendomat.example" };
    keepDraft(shelf, left);
    expect(draftFrom(shelf, newDraft("Asia/Shanghai", KNOWN))).toEqual(left);
    forgetDraft(shelf);
    expect(draftFrom(shelf, newDraft("Asia/Shanghai", KNOWN)).name).toBe("");
  });

  it("keeps nothing that it does not know, and no password", () => {
    const shelf = new Shelf();
    keepDraft(shelf, { ...newDraft("UTC", KNOWN), password: "secret" } as never);
    expect([...shelf.kept.values()].join()).not.toContain("secret");
    shelf.setItem("vendomat.setup", '{"name": 7, "other": "x"}');
    expect(draftFrom(shelf, newDraft("UTC", KNOWN))).toEqual(newDraft("UTC", KNOWN));
    shelf.setItem("vendomat.setup", "{");
    expect(draftFrom(shelf, newDraft("UTC", KNOWN))).toEqual(newDraft("UTC", KNOWN));
  });

  it("guesses a currency the cloud knows", () => {
    expect(currencyFor("Asia/Shanghai", KNOWN)).toBe("CNY");
    expect(currencyFor("Europe/Paris", KNOWN)).toBe("EUR");
    expect(currencyFor("America/Lima", KNOWN)).toBe("USD");
    expect(currencyFor("Asia/Tokyo", KNOWN)).toBe("CNY");
  });
});
