/**
 * A machine made of cardboard, for looking at the kiosk's pages: serves the built app, plays a sale with a jam in slot
 * C4, or holds one scene (`POST /dev/scene/<name>`). For development only; no test of money or goods may rest on it.
 *
 *   node dev/fixture.mjs [port]
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { browse, QR, sale, scene } from "./scenes.mjs";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const MEDIA = fileURLToPath(new URL("../../../../src/vendomat/cloud/catalog/seed/images/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
const JAMMED_SLOT = "C4";
const GOOD_CODE = "12345678";
const GOOD_COUPON = "SAVE10";
const RULES = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'";

let state = browse();
let revision = 1;
let round = 0;
let wrongCodes = 0;
const listeners = new Set();

const whole = () => JSON.stringify({ ...state, revision });

function change(changes) {
  state = { ...state, ...changes };
  revision += 1;
  for (const response of listeners) response.write(`event: state\ndata: ${whole()}\n\n`);
}

function later(ms, run) {
  const mine = round;
  setTimeout(() => mine === round && run(), ms);
}

function order({ lines, channel }) {
  round += 1;
  change({ screen: "preparing", notice: null });
  later(700, () => {
    change({ screen: "paying", sale: sale(lines, { channel }) });
    change({ sale: { ...state.sale, payment: { ...state.sale.payment, expires_in_ms: 120_000 } } });
    later(120_000, () => change({ sale: { ...state.sale, payment: { ...state.sale.payment, state: "expired", expires_in_ms: 0 } } }));
  });
}

function payNow() {
  if (state.screen !== "paying") return;
  round += 1;
  change({ sale: { ...state.sale, payment: { ...state.sale.payment, state: "paid" } } });
  later(900, () => deliver(0));
}

function setUnit(index, outcome) {
  const units = state.sale.units.map((unit, at) => (at === index ? { ...unit, outcome } : unit));
  change({ screen: "delivering", sale: { ...state.sale, units } });
}

function deliver(index) {
  const unit = state.sale.units[index];
  if (unit === undefined) return finish();
  setUnit(index, "started");
  later(1800, () => {
    setUnit(index, unit.slot === JAMMED_SLOT ? "not_delivered" : "delivered");
    deliver(index + 1);
  });
}

function finish() {
  const lost = state.sale.units.filter((unit) => unit.outcome === "not_delivered");
  const amount = lost.reduce((sum, unit) => sum + state.sale.lines.find((line) => line.slot === unit.slot).price_minor, 0);
  const refund = amount === 0 ? null : { state: "refunding", amount_minor: amount, channel: state.sale.channel };
  change({ screen: "result", sale: { ...state.sale, refund, receipt: { qr_svg: QR, url: "" }, close_in_ms: 30_000 } });
  if (refund !== null) later(4000, () => change({ sale: { ...state.sale, refund: { ...refund, state: "refunded" } } }));
  later(30_000, () => reset());
}

function reset() {
  round += 1;
  change({ ...browse(state.products.length), code_entry: state.code_entry });
}

function redeem({ code }) {
  change({ code_entry: { state: "checking", reason: "", locked_for_ms: 0 } });
  later(700, () => {
    if (code === GOOD_CODE) {
      wrongCodes = 0;
      change({ code_entry: { state: "idle", reason: "", locked_for_ms: 0 }, sale: sale([{ slot: "A1", quantity: 1, price_minor: 350 }], { kind: "code" }) });
      return deliver(0);
    }
    wrongCodes += 1;
    const isLocked = wrongCodes >= 5;
    change({ code_entry: { state: isLocked ? "locked" : "refused", reason: "unknown", locked_for_ms: isLocked ? 60_000 : 0 } });
    if (isLocked) {
      wrongCodes = 0;
      later(60_000, () => change({ code_entry: { state: "idle", reason: "", locked_for_ms: 0 } }));
    }
  });
}

function enterCoupon({ code }) {
  const told = (entry) => change({ coupon: { id: "", state: "idle", reason: "", locked_for_ms: 0, ...entry } });
  told({ state: "checking" });
  later(700, () => {
    const isGood = code === GOOD_COUPON;
    change({ is_promoted: state.is_promoted || isGood });
    told(isGood ? { id: "cpn_1", state: "accepted" } : { state: "refused", reason: "unknown" });
  });
}

const POSTS = {
  "/api/order": order,
  "/api/order/channel": ({ channel }) => {
    change({ sale: { ...state.sale, channel, payment: { ...state.sale.payment, state: "starting", qr_svg: "" } } });
    later(500, () => change({ sale: sale(state.sale.lines, { channel }) }));
  },
  "/api/order/cancel": reset,
  "/api/order/done": reset,
  "/api/code": redeem,
  "/api/coupon": enterCoupon,
  "/api/coupon/out": () => change({ coupon: browse().coupon }),
  "/api/awake": () => state.idle_in_ms !== null && change({ idle_in_ms: 80_000 }),
};

async function bodyOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text === "" ? {} : JSON.parse(text);
}

async function serveFile(folder, path, response) {
  const file = join(folder, normalize(path).replace(/^(\.\.[/\\])+/, ""));
  try {
    const body = await readFile(file);
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": RULES });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}

function follow(response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(`event: state\ndata: ${whole()}\n\n`);
  listeners.add(response);
  response.on("close", () => listeners.delete(response));
}

/** Cardboard prices: single offers, and a tenth off by the coupon. */
function priceOf(lines) {
  const sum = (price) => lines.reduce((all, line) => all + line.quantity * price(state.products.find((one) => one.slot === line.slot)), 0);
  const [list_minor, before_minor] = [sum((one) => one.price_minor), sum((one) => one.offer?.price_minor ?? one.price_minor)];
  const coupon_minor = state.coupon.id === "" ? 0 : Math.round(before_minor / 10);
  const off = [
    { name: "下午茶时光", off_minor: list_minor - before_minor },
    { name: "老友优惠", off_minor: coupon_minor },
  ].filter((one) => one.off_minor > 0);
  return { list_minor, total_minor: before_minor - coupon_minor, coupon_minor, off, ways: {} };
}

async function answerPost(path, request, response) {
  const body = await bodyOf(request);
  const post = POSTS[path];
  if (path === "/api/price") return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(priceOf(body.lines)));
  if (path.startsWith("/dev/scene/")) {
    round += 1;
    change(scene(path.slice("/dev/scene/".length)));
  } else if (path === "/dev/pay") payNow();
  else if (path === "/dev/set") change(body);
  else if (post !== undefined) post(body);
  else return response.writeHead(404).end();
  response.writeHead(202, { "content-type": "application/json" }).end("{}");
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (request.method === "POST") return void answerPost(pathname, request, response);
  if (pathname === "/api/state") return response.writeHead(200, { "content-type": "application/json" }).end(whole());
  if (pathname === "/api/events") return follow(response);
  if (pathname === "/dev/wallet") {
    payNow();
    return response.writeHead(200, { "content-type": "text/plain" }).end("paid");
  }
  if (pathname.startsWith("/media/")) return void serveFile(MEDIA, pathname.slice("/media/".length), response);
  return void serveFile(DIST, pathname === "/" ? "index.html" : pathname, response);
});

server.listen(Number(process.argv[2] ?? 4310), "127.0.0.1", () => {
  console.log(`kiosk fixture: http://127.0.0.1:${server.address().port}/`);
});
