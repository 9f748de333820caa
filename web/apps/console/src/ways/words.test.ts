import { describe, expect, it } from "vitest";
import type { PaymentAccount, SettingField, WayToPay } from "../api/views";
import { changesOf, draftOf, isSet, wayState, wayTone } from "./words";

const field = (name: string, form: SettingField["form"], isShown: boolean, choices: string[] = []): SettingField => ({
  name, form, is_secret: !isShown, is_shown: isShown, is_required: false, choices,
});
const ACCOUNT = {
  account: "1900000001", is_active: true, off_since: null, away_since: null, changed_at: null, changed_by_name: "",
  settings: { mchid: "1900000001", kinds: ["card", "wallet"] }, marks: { apiv3_key: [{ kind: "secret", text: "ab", until: null }] },
} as PaymentAccount;
const WAY: WayToPay = {
  channel: "wechat", machines_off: 0, account: ACCOUNT,
  fields: [
    field("mchid", "line", true), field("apiv3_key", "line", false), field("kinds", "list", true),
    field("code_pay", "choice", true, ["v2", "v3"]), field("takes_faces", "flag", true), field("certificates", "texts", false),
  ],
};

describe("a way to pay", () => {
  it("is on only while its platform answers", () => {
    const states = [null, { ...ACCOUNT, is_active: false }, { ...ACCOUNT, away_since: "2026-06-01T00:00:00Z" }, ACCOUNT];
    const ways = states.map((account) => ({ ...WAY, account }));
    expect(ways.map(wayState)).toEqual(["none", "off", "away", "on"]);
    expect(ways.map(wayTone)).toEqual(["off", "off", "crit", "ok"]);
  });

  it("shows what may be shown and leaves the rest empty", () => {
    expect(draftOf(WAY)).toEqual({
      mchid: "1900000001", apiv3_key: "", kinds: "card\nwallet", code_pay: "v2", takes_faces: false, certificates: "",
    });
    expect(WAY.fields.map((one) => isSet(ACCOUNT, one))).toEqual([true, true, true, false, false, false]);
  });

  it("sends only what differs, so that one key is replaced without the others", () => {
    expect(changesOf(WAY, draftOf(WAY), [])).toEqual({});
    const draft = { ...draftOf(WAY), apiv3_key: "new", kinds: "card\n\n", takes_faces: true, certificates: "PEM" };
    expect(changesOf(WAY, draft, [])).toEqual({ apiv3_key: "new", kinds: ["card"], takes_faces: true, certificates: ["PEM"] });
    expect(changesOf(WAY, draft, ["apiv3_key"])["apiv3_key"]).toBeNull();
  });
});
