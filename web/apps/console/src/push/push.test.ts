import { describe, expect, it } from "vitest";
import { hindranceOf, type Here } from "./push";

const HERE: Here = { isSecureContext: true, userAgent: "Mozilla/5.0 (X11; Linux) Firefox/140", hasPush: true, permission: "default" };
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1";

describe("why a browser cannot be told", () => {
  it.each([
    ["nothing, before the person was asked", {}, undefined],
    ["nothing, once they said yes", { permission: "granted" }, undefined],
    ["they said no", { permission: "denied" }, "denied"],
    ["an address without HTTPS, whatever else", { isSecureContext: false, hasPush: false }, "insecure"],
    ["a browser without push", { hasPush: false, permission: undefined }, "unable"],
    ["an iPhone's page that is not on the home screen", { hasPush: false, permission: undefined, userAgent: IPHONE }, "install"],
    ["an iPhone's page that is", { userAgent: IPHONE }, undefined],
  ] as const)("%s", (_, change, why) => {
    expect(hindranceOf({ ...HERE, ...change })).toBe(why);
  });
});
