import { KioskClient, type Product, type Snapshot } from "@vendomat/api";
import { beforeEach, describe, expect, it } from "vitest";
import { i18n } from "../i18n";
import { browse, sale, scene } from "../../dev/scenes.mjs";
import { Kiosk } from "./kiosk.svelte";

let now: number;
let reloads: number;
let sent: { path: string; body: Record<string, unknown> }[];
let replies: (Response | Error)[];
let kiosk: Kiosk;
let revision: number;

const problem = (code: string): Response =>
  new Response(JSON.stringify({ code }), { status: 409, headers: { "content-type": "application/problem+json" } });

function show(picture: object): void {
  revision += 1;
  kiosk.apply({ ...picture, revision } as Snapshot);
}
const at = (slot: string): Product => kiosk.productAt(slot) as Product;
const said = (): string | undefined => kiosk.message?.key;
function pass(ms: number): void {
  now += ms;
  kiosk.tick();
}

beforeEach(() => {
  [now, reloads, sent, replies, revision] = [0, 0, [], [], 0];
  let ids = 0;
  const client = new KioskClient("", {
    fetch: (path, init) => {
      sent.push({ path, body: JSON.parse(String(init.body)) });
      const reply = replies.shift() ?? new Response("{}", { status: 202 });
      return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply);
    },
    wait: () => Promise.resolve(),
  });
  i18n.locale = "zh-CN";
  kiosk = new Kiosk({ client, now: () => now, newId: () => `req_${++ids}`, reload: () => (reloads += 1) });
  kiosk.setLink("live");
  show(browse());
  kiosk.wake();
});

describe("promotions", () => {
  const half = { price_minor: 175, until: "13:00", groups: [] };
  const priced = (list_minor: number, total_minor: number): Response =>
    new Response(JSON.stringify({ list_minor, total_minor, off: [{ name: "Lunch", off_minor: list_minor - total_minor }], ways: {} }));
  const settled = async (): Promise<void> => {
    for (let turns = 0; turns < 10; turns += 1) await new Promise((resolve) => setTimeout(resolve, 0));
  };

  beforeEach(() => {
    const picture = browse();
    show({ ...picture, is_promoted: true, products: picture.products.map((one) => ({ ...one, offer: half })) });
  });

  it("shows what the machine says a cart comes to, and orders at that price", async () => {
    replies = [priced(350, 175)];
    kiosk.add(at("A1"));
    expect(kiosk.totalMinor).toBe(350);
    await settled();
    expect(sent).toEqual([{ path: "/api/price", body: { lines: [{ slot: "A1", quantity: 1 }] } }]);
    expect([kiosk.totalMinor, kiosk.priced?.off]).toEqual([175, [{ name: "Lunch", off_minor: 175 }]]);
    await kiosk.pay();
    expect(sent[1]).toMatchObject({ path: "/api/order", body: { shown_minor: 175, lines: [{ slot: "A1", price_minor: 350 }] } });
  });

  it("never shows the price of another cart", async () => {
    replies = [priced(350, 175), new TypeError("cut")];
    kiosk.add(at("A1"));
    kiosk.add(at("A1"));
    await settled();
    expect(kiosk.totalMinor).toBe(700);
  });

  it("asks again when the prices of the screen change", async () => {
    replies = [priced(350, 175), priced(350, 350)];
    kiosk.add(at("A1"));
    await settled();
    show({ ...browse(), is_promoted: true, price_round: 2 });
    expect(kiosk.totalMinor).toBe(350);
    await settled();
    expect(sent.map((one) => one.path)).toEqual(["/api/price", "/api/price"]);
  });

  it("says by which ways it costs less, and orders at the price of the chosen one", async () => {
    const ways = { alipay: { list_minor: 350, total_minor: 280, coupon_minor: 0, off: [] }, wallet: { list_minor: 350, total_minor: 200, coupon_minor: 0, off: [] } };
    replies = [new Response(JSON.stringify({ list_minor: 350, total_minor: 350, coupon_minor: 0, off: [], ways }))];
    kiosk.add(at("A1"));
    expect(kiosk.cheaperWays).toEqual([]);
    await settled();
    expect([kiosk.totalMinor, kiosk.cheaperWays, kiosk.wayMinor("alipay"), kiosk.wayMinor("wechat")]).toEqual([350, ["alipay"], 280, 350]);
    await kiosk.chooseChannel("alipay");
    await kiosk.pay();
    expect(sent[1]).toMatchObject({ path: "/api/order", body: { channel: "alipay", shown_minor: 280 } });
  });

  it("renews a code at the price of its way", async () => {
    const lines = [{ slot: "A1", quantity: 1, price_minor: 350 }];
    show({ ...browse(), screen: "paying", sale: sale(lines, { ways: { alipay: 280 } }) });
    await kiosk.newCode("alipay");
    await kiosk.newCode("wechat");
    expect(sent.map((one) => one.body.shown_minor)).toEqual([280, 350]);
  });

  it("asks nothing where nothing is promoted", () => {
    show(browse());
    kiosk.add(at("A1"));
    expect(sent).toEqual([]);
  });
});

describe("the cart", () => {
  it("survives a cut, a new picture and a new language", () => {
    kiosk.add(at("A1"));
    kiosk.setLink("reconnecting");
    i18n.locale = "en";
    show(browse());
    expect(kiosk.cart).toEqual([{ slot: "A1", quantity: 1 }]);
    expect(kiosk.mayPay).toBe(false);
  });

  it("gives back what was removed", () => {
    kiosk.add(at("A1"));
    kiosk.remove(at("A1"));
    expect(kiosk.units).toBe(0);
    kiosk.undo();
    expect(kiosk.units).toBe(1);
  });

  it("shrinks with the stock and says so", () => {
    kiosk.add(at("A1"));
    const picture = browse();
    picture.products[0]!.available = 0;
    show(picture);
    expect(kiosk.cart).toEqual([]);
    expect(said()).toBe("cart.reduced");
  });

  it("stays when the buyer goes back from the payment and goes when the machine delivers", () => {
    kiosk.add(at("A1"));
    show(scene("paying"));
    show(browse());
    expect(kiosk.units).toBe(1);
    show(scene("delivering"));
    expect(kiosk.units).toBe(0);
  });
});

describe("paying", () => {
  it("asks once, with the prices shown, and shows the check at once", async () => {
    kiosk.add(at("A1"));
    kiosk.add(at("A1"));
    const asked = kiosk.pay();
    expect(kiosk.isAsking).toBe(true);
    await kiosk.pay();
    await asked;
    expect(sent).toEqual([
      {
        path: "/api/order",
        body: {
          request_id: "req_1",
          channel: "wechat",
          lines: [{ slot: "A1", quantity: 2, price_minor: 350 }],
          shown_minor: 700,
        },
      },
    ]);
    expect(kiosk.isAsking).toBe(true);
    show(scene("paying"));
    expect(kiosk.isAsking).toBe(false);
  });

  it("tells a refusal and keeps the cart", async () => {
    kiosk.add(at("A1"));
    replies.push(problem("price_changed"));
    await kiosk.pay();
    expect([kiosk.isAsking, said(), kiosk.units]).toEqual([false, "notice.price_changed", 1]);
  });

  it("says not known when nobody answers", async () => {
    kiosk.add(at("A1"));
    replies.push(new Error("cut"), new Error("cut"), new Error("cut"));
    await kiosk.pay();
    expect(said()).toBe("notice.not_known");
  });

  it("gives up waiting for a machine that took the order and then fell silent", async () => {
    kiosk.add(at("A1"));
    await kiosk.pay();
    pass(10_001);
    expect([kiosk.isAsking, said()]).toEqual([false, "notice.not_known"]);
  });

  it("shows a refusal that comes as a notice, the same one twice too", async () => {
    kiosk.add(at("A1"));
    for (let round = 0; round < 2; round += 1) {
      kiosk.message = undefined;
      await kiosk.pay();
      show({ ...browse(), notice: { code: "machine_not_ready", detail: "" } });
      expect([kiosk.isAsking, said()]).toEqual([false, "notice.machine_not_ready"]);
    }
  });

  it("pays with a wallet that works", () => {
    const picture = browse();
    picture.channels[0]!.is_available = false;
    show(picture);
    expect(kiosk.channel).toBe("alipay");
    show({ ...picture, channels: [] });
    kiosk.add(at("A1"));
    expect([kiosk.mayPay, kiosk.hasNoWayToPay]).toEqual([false, true]);
    show({ ...picture, channels: [], link: "offline" });
    expect(kiosk.hasNoWayToPay).toBe(false);
  });

  it("orders the same goods anew when the code has expired, in another wallet too", async () => {
    show(scene("expired"));
    await kiosk.newCode();
    show(scene("expired"));
    await kiosk.chooseChannel("alipay");
    expect(sent.map(({ path, body }) => [path, body["channel"], body["request_id"]])).toEqual([
      ["/api/order", "wechat", "req_1"],
      ["/api/order", "alipay", "req_2"],
    ]);
    expect(sent[0]?.body["lines"]).toEqual([
      { slot: "A2", quantity: 1, price_minor: 350 },
      { slot: "C4", quantity: 2, price_minor: 750 },
    ]);
  });

  it("switches the wallet of an open order without a new one", async () => {
    show(scene("paying"));
    await kiosk.chooseChannel("alipay");
    expect(sent).toEqual([{ path: "/api/order/channel", body: { channel: "alipay" } }]);
  });
});

describe("a pickup code", () => {
  const type = (digits: string) => [...digits].forEach(kiosk.typeDigit);

  it("goes out once, when complete", async () => {
    kiosk.wake("code");
    type("1234567");
    await kiosk.submitCode();
    expect(sent).toEqual([]);
    type("8");
    await kiosk.submitCode();
    expect(sent).toEqual([{ path: "/api/code", body: { code: "12345678" } }]);
  });

  it("hides the last buyer's refusal, shows this one's until the next digit", async () => {
    show(scene("refused"));
    kiosk.wake("code");
    expect(kiosk.codeState).toBe("idle");
    type("12345678");
    await kiosk.submitCode();
    show(scene("refused"));
    expect(kiosk.codeState).toBe("refused");
    type("1");
    expect(kiosk.codeState).toBe("idle");
  });

  it("stays locked until the time is over", () => {
    show(scene("locked"));
    kiosk.wake("code");
    expect(kiosk.codeState).toBe("locked");
    pass(754_000);
    expect(kiosk.codeState).toBe("idle");
  });
});

describe("quiet", () => {
  it("warns, extends, and at last starts afresh for the next buyer", () => {
    kiosk.add(at("A1"));
    kiosk.isLarge = true;
    i18n.locale = "en";
    pass(61_000);
    expect(kiosk.idle.isWarning).toBe(true);
    kiosk.moreTime();
    pass(79_000);
    expect(kiosk.view).toBe("shop");
    pass(1000);
    expect([kiosk.view, kiosk.units, kiosk.isLarge, i18n.locale]).toEqual(["attract", 0, false, "zh-CN"]);
  });

  it("takes back what somebody set on the start page before walking away", () => {
    kiosk.leave();
    kiosk.isContrast = true;
    kiosk.touch();
    pass(79_000);
    expect(kiosk.isContrast).toBe(true);
    pass(1000);
    expect(kiosk.isContrast).toBe(false);
  });

  it("never ends a payment from the page", () => {
    show(scene("paying"));
    pass(500_000);
    expect(kiosk.view).toBe("shop");
  });

  it("tells the machine that somebody is here, at most every five seconds", () => {
    show(scene("idle"));
    kiosk.touch();
    pass(4000);
    kiosk.touch();
    pass(1500);
    kiosk.touch();
    expect(sent.map(({ path }) => path)).toEqual(["/api/awake", "/api/awake"]);
  });

  it("goes to the start after a result that nobody touched", () => {
    show(scene("delivered"));
    pass(25_000);
    show(browse());
    expect(kiosk.view).toBe("attract");
  });
});

describe("a new version of the page", () => {
  it("waits until nobody uses the screen", () => {
    show({ ...browse(), build: "next" });
    expect(reloads).toBe(0);
    kiosk.leave();
    show({ ...browse(), build: "next" });
    expect(reloads).toBe(1);
  });
});

it("counts down from the moment a picture came", () => {
  now = 5000;
  show({ ...scene("paying"), sale: sale([{ slot: "A1", quantity: 1, price_minor: 350 }]) });
  pass(7000);
  expect(kiosk.left(97_000)).toBe(90_000);
  expect(kiosk.left(1000)).toBe(0);
});
