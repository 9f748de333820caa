import { describe, expect, it } from "vitest";
import { OrderClient, type OrderView, type Saying } from "./client";
import { isMoving, OrderPage } from "./orderPage.svelte";

const CALM: OrderView = {
  reference: "8F2K-7QXM", merchant: "Test", service_phone: "400", machine_number: "T-1", machine_zh: "t", machine_en: "t",
  created_at: "2026-06-01T00:00:00Z", paid_minor: 350, reserved_minor: 0, not_taken_minor: 0, currency: "CNY", channel: "wechat",
  goods: [{ unit: 1, name_zh: "可乐", name_en: "Cola", price_minor: 350, state: "delivered" }],
  money_back: [], claim: null, may_claim: true, bar: "", claim_until: null,
};
const SAYING: Omit<Saying, "request_id"> = { what: "nothing_came", units: [], text: "" };

/** A cloud that answers what it is told to, one answer per question; null is silence. */
class Cloud {
  asked: { path: string; body: unknown; token: string | undefined }[] = [];
  constructor(readonly answers: ({ status: number; body: unknown } | null)[]) {}
  fetch = (path: string, init: RequestInit): Promise<Response> => {
    const headers = init.headers as Record<string, string>;
    this.asked.push({ path, body: init.body === undefined ? undefined : JSON.parse(init.body as string), token: headers["authorization"] });
    const answer = this.answers.shift();
    if (answer === null || answer === undefined) return Promise.reject(new TypeError("no answer"));
    return Promise.resolve(new Response(JSON.stringify(answer.body), { status: answer.status }));
  };
}

function pageWith(...answers: ({ status: number; body: unknown } | null)[]) {
  const cloud = new Cloud(answers);
  const kept: string[] = [];
  let now = 0;
  let ids = 0;
  const page = new OrderPage({
    client: new OrderClient(cloud.fetch), now: () => now, newId: () => `id-${(ids += 1)}`, isSeen: () => true, keep: (token) => kept.push(token),
  });
  return { page, cloud, kept, wait: (ms: number) => (now += ms) };
}

const ok = (body: unknown) => ({ status: 200, body });
const refused = (code: string) => ({ status: 404, body: { code } });

describe("an order's page", () => {
  it("reads often while something moves and seldom while nothing does", async () => {
    const moving = { ...CALM, money_back: [{ reference: "R", amount_minor: 1, channel: "wechat", state: "returning", by_hand: false, at: null }] };
    const { page, cloud, wait } = pageWith(ok(moving), ok(CALM), ok(CALM));
    await page.open("token");
    wait(2999);
    await page.tick();
    expect(cloud.asked).toHaveLength(1);
    wait(1);
    await page.tick();
    expect(cloud.asked).toHaveLength(2);
    wait(19_999);
    await page.tick();
    expect(cloud.asked).toHaveLength(2);
    wait(1);
    await page.tick();
    expect(cloud.asked.map((one) => one.token)).toEqual(["Bearer token", "Bearer token", "Bearer token"]);
  });

  it("asks a link that opens nothing no second time", async () => {
    const { page, cloud, wait } = pageWith(refused("not_found"));
    await page.open("bad");
    wait(60_000);
    await page.tick();
    expect([page.trouble, cloud.asked.length]).toEqual(["link", 1]);
  });

  it("keeps what it knew when no answer comes, and says that it is old", async () => {
    const { page, wait } = pageWith(ok(CALM), null, ok(CALM));
    await page.open("token");
    wait(20_000);
    await page.tick();
    expect([page.trouble, page.view?.reference]).toEqual(["not_known", CALM.reference]);
    wait(20_000);
    await page.tick();
    expect(page.trouble).toBe("");
  });

  it("sends a claim again under its own id after silence, and another one under another", async () => {
    const { page, cloud } = pageWith(ok(CALM), null, ok({ answer: "a_person", order: CALM }), ok({ answer: "goes_back", order: CALM }));
    await page.open("token");
    expect(await page.say(SAYING)).toBe(false);
    expect(page.refusal).toBe("not_known");
    expect(await page.say(SAYING)).toBe(true);
    expect(page.sent).toBe("a_person");
    await page.say(SAYING);
    const ids = cloud.asked.slice(1).map((one) => (one.body as Saying).request_id);
    expect(ids).toEqual(["id-1", "id-1", "id-2"]);
    expect(page.sent).toBe("goes_back");
  });

  it("opens what the bill finds and keeps it in the address; says why it does not", async () => {
    const bill = { number: "8F2K-7QXM", amount: "3.50", paid_at: "2026-06-01T00:00:00Z" };
    const { page, kept } = pageWith(refused("not_found"), ok({ token: "found" }), ok(CALM));
    await page.find(bill);
    expect([page.findFailure, page.token]).toEqual(["not_found", ""]);
    await page.find(bill);
    expect([page.findFailure, page.token, page.view?.reference, kept]).toEqual(["", "found", CALM.reference, ["found"]]);
  });

  it("knows what still moves", () => {
    expect(isMoving(CALM)).toBe(false);
    expect(isMoving({ ...CALM, goods: [{ ...CALM.goods[0]!, state: "checking" }] })).toBe(true);
    expect(isMoving({ ...CALM, reserved_minor: 350 })).toBe(true);
    const claim = { since: "", answer: "", answered_at: null, words: [] };
    expect(isMoving({ ...CALM, claim: { ...claim, state: "reopened" } })).toBe(true);
    expect(isMoving({ ...CALM, claim: { ...claim, state: "declined" } })).toBe(false);
  });
});
