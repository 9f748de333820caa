/** Pictures a machine may show, for looking at pages: `scene(name)` answers a whole snapshot without its revision. */
import { readFileSync } from "node:fs";
import { products } from "./products.mjs";

export const QR = readFileSync(new URL("./qr.svg", import.meta.url), "utf8");
const WAITING = { state: "waiting", qr_svg: QR, wallet_url: "/dev/wallet", expires_in_ms: 97_000, expires_total_ms: 120_000, takes_codes: true, charge: null };

export function browse(count = 12) {
  return {
    build: "dev",
    machine: {
      id: "mch_1",
      number: "SH-0005",
      name: { zh: "静安寺地铁站 2 号口", en: "Jing'an Temple, exit 2" },
      service_phone: "400-820-1234",
      payee: "静安售货",
      mm_px: 4.03,
      is_demo: true,
    },
    link: "online",
    screen: "browse",
    out_of_order_reason: null,
    products: products(count),
    is_promoted: false,
    price_round: 1,
    takes_coupons: false,
    limits: { units_max: 4 },
    channels: [
      { channel: "wechat", is_available: true },
      { channel: "alipay", is_available: true },
    ],
    notice: null,
    sale: null,
    code_entry: { state: "idle", reason: "", locked_for_ms: 0 },
    coupon: { id: "", state: "idle", reason: "", locked_for_ms: 0 },
    idle_in_ms: null,
  };
}

export function sale(lines, changes = {}) {
  const units = lines.flatMap((line) => Array.from({ length: line.quantity }, () => line));
  return {
    order_id: "ord_8f2k",
    reference: "8F2K-7QXM",
    kind: "payment",
    total_minor: lines.reduce((sum, line) => sum + line.quantity * line.price_minor, 0),
    ways: {},
    currency: "CNY",
    channel: "wechat",
    lines,
    payment: { ...WAITING },
    units: units.map((line, index) => ({
      unit: index + 1,
      slot: line.slot,
      product_id: line.product_id ?? "prd",
      outcome: "pending",
      reason: "",
      price_minor: line.price_minor,
    })),
    refund: null,
    receipt: null,
    hold: null,
    close_in_ms: null,
    ...changes,
  };
}

const LINES = [
  { slot: "A2", product_id: "prd_cola", quantity: 1, price_minor: 350 },
  { slot: "C4", product_id: "prd_snack", quantity: 2, price_minor: 750 },
];

function outcomes(...list) {
  const base = sale(LINES);
  return { ...base, units: base.units.map((unit, index) => ({ ...unit, outcome: list[index] })), receipt: { qr_svg: QR, url: "/order/#demo" }, close_in_ms: 25_000 };
}

const paying = (payment, more = {}) => ({ ...browse(), screen: "paying", sale: sale(LINES, { payment: { ...WAITING, ...payment }, ...more }) });
const result = (whole) => ({ ...browse(), screen: "result", sale: whole });
const code = (entry) => ({ ...browse(), code_entry: { state: "idle", reason: "", locked_for_ms: 0, ...entry } });

/** Where coupons count: none yet, one that is with the cart, and what the machine says of a wrong one. */
const coupon = (entry = {}) => ({
  ...browse(),
  takes_coupons: true,
  is_promoted: "id" in entry,
  coupon: { id: "", state: "idle", reason: "", locked_for_ms: 0, ...entry },
});

/** A happy hour on drinks, three for two on tea, a bundle of nuts and coffee. */
export function promoted() {
  const picture = browse();
  const happy = (one) => ({ price_minor: Math.round(one.price_minor * 0.8), until: "16:00", groups: [] });
  const group = (one, changes) => ({ price_minor: one.price_minor, until: "", groups: [changes] });
  const offer = (one) => {
    if (one.category === "drinks") return happy(one);
    if (one.category === "tea") return group(one, { kind: "n_for_m", name: "Tea", take: 3, pay: 2, value_minor: 0 });
    if (one.category === "coffee") return group(one, { kind: "bundle", name: "咖啡+薯片 ¥15", take: 2, pay: 0, value_minor: 1500 });
    return null;
  };
  return { ...picture, is_promoted: true, products: picture.products.map((one) => ({ ...one, offer: offer(one) })) };
}

const SCENES = {
  browse: () => browse(),
  many: () => browse(16),
  promoted: () => promoted(),
  coupons: () => coupon(),
  coupon_accepted: () => coupon({ id: "cpn_1", state: "accepted" }),
  coupon_refused: () => coupon({ state: "refused", reason: "unknown" }),
  coupon_locked: () => coupon({ state: "locked", locked_for_ms: 600_000 }),
  paying_less: () => paying({}, { total_minor: 700 }),
  paying_ways: () => paying({}, { total_minor: 1850, ways: { alipay: 1665 } }),
  empty: () => ({ ...browse(), products: [] }),
  offline: () => ({ ...browse(), link: "offline" }),
  preparing: () => ({ ...browse(), screen: "preparing" }),
  paying: () => paying({}),
  starting: () => paying({ state: "starting", qr_svg: "" }),
  expired: () => paying({ state: "expired", expires_in_ms: 0 }),
  unavailable: () => paying({ state: "unavailable", qr_svg: "" }, { channel: "alipay" }),
  charging: () => paying({ charge: { state: "charging", channel: "alipay", reason: "" } }),
  password: () => paying({ charge: { state: "password", channel: "wechat", reason: "" } }),
  reversing: () => paying({ charge: { state: "reversing", channel: "wechat", reason: "" } }),
  not_enough: () => paying({ charge: { state: "closed", channel: "wechat", reason: "not_enough" } }),
  paid: () => paying({ state: "paid" }),
  delivering: () => ({ ...browse(), screen: "delivering", sale: outcomes("delivered", "started", "pending") }),
  delivered: () => result(outcomes("delivered", "delivered", "delivered")),
  partly: () =>
    result({ ...outcomes("delivered", "delivered", "not_delivered"), refund: { state: "refunding", amount_minor: 750, channel: "wechat" } }),
  refunded: () =>
    result({
      ...outcomes("not_delivered", "not_delivered", "not_delivered"),
      refund: { state: "refunded", amount_minor: 1850, channel: "wechat" },
    }),
  held: () =>
    result({ ...outcomes("delivered", "delivered", "not_delivered"), hold: { state: "held", amount_minor: 1850, channel: "stripe" } }),
  taken: () =>
    result({ ...outcomes("delivered", "delivered", "not_delivered"), hold: { state: "taken", amount_minor: 1100, channel: "stripe" } }),
  nothing_taken: () =>
    result({
      ...outcomes("not_delivered", "not_delivered", "not_delivered"),
      hold: { state: "held", amount_minor: 1850, channel: "stripe" },
    }),
  unknown_on_hold: () =>
    result({ ...outcomes("delivered", "unknown", "delivered"), hold: { state: "held", amount_minor: 1850, channel: "stripe" } }),
  failed: () => result(outcomes("not_delivered", "not_delivered", "not_delivered")),
  unknown: () => result(outcomes("delivered", "unknown", "delivered")),
  out: () => ({ ...browse(), screen: "out_of_order", out_of_order_reason: "door_open" }),
  code: () => code({}),
  refused: () => code({ state: "refused", reason: "unknown" }),
  locked: () => code({ state: "locked", locked_for_ms: 754_000 }),
  idle: () => ({ ...paying({}), idle_in_ms: 14_000 }),
};

export const sceneNames = Object.keys(SCENES);

export function scene(name) {
  const make = SCENES[name];
  if (make === undefined) throw new RangeError(`no scene ${name}; there are ${sceneNames.join(", ")}`);
  return make();
}
