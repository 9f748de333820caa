import { expect, it } from "vitest";
import type { Machine, MachineDetail } from "../api/views";
import { Fleet, NAMED_MAX, ONE_PAGE, WHOLE_MS } from "./fleet.svelte";

const machine = (n: number, units = 0) => ({ id: `mch_${n}`, sales_today: { count: units } }) as unknown as MachineDetail;
const event = (data: Record<string, unknown>) => ({ type: "alarm.raised", subject: "alm_1", at: "", data }) as never;

function fleetOf(size: number) {
  const asked: string[] = [];
  const clock = { now: 0 };
  const held: (() => void)[] = [];
  const line = { isHeld: false };
  const data: Machine[] = Array.from({ length: size }, (_, n) => machine(n));
  const client = {
    machines: async () => {
      asked.push("all");
      if (line.isHeld) await new Promise<void>((resolve) => held.push(resolve));
      return { kind: "ok" as const, value: { data, next_cursor: null, has_more: false } };
    },
    machine: (id: string) => {
      asked.push(id);
      return Promise.resolve({ kind: "ok" as const, value: machine(Number(id.slice(4)), 7) });
    },
  };
  return { fleet: new Fleet(client, () => clock.now), asked, clock, line, held };
}

it("asks for a small fleet as a whole, whatever happens", async () => {
  const { fleet, asked } = fleetOf(ONE_PAGE);
  await fleet.keepFresh();
  fleet.hear(event({ machine_id: "mch_3" }));
  await fleet.keepFresh();
  expect(asked).toEqual(["all", "all"]);
});

it("asks for the machines of a large one that events name, and for all once a minute", async () => {
  const { fleet, asked, clock } = fleetOf(ONE_PAGE + 1);
  await fleet.keepFresh();
  await fleet.keepFresh();
  fleet.hear(event({ machine_id: "mch_3" }));
  fleet.hear(event({ machine_id: "mch_3" }));
  fleet.hear(event({}));
  await fleet.keepFresh();
  expect(asked).toEqual(["all", "mch_3"]);
  expect(fleet.value?.map((one) => one.sales_today.count).filter((count) => count > 0)).toEqual([7]);
  clock.now = WHOLE_MS;
  await fleet.keepFresh();
  expect(asked).toEqual(["all", "mch_3", "all"]);
});

it("asks for all when a machine is new, or many are named at once", async () => {
  const { fleet, asked } = fleetOf(ONE_PAGE + 1);
  await fleet.keepFresh();
  fleet.hear(event({ machine_id: "mch_new" }));
  await fleet.keepFresh();
  for (let n = 0; n <= NAMED_MAX; n += 1) fleet.hear(event({ machine_id: `mch_${n}` }));
  await fleet.keepFresh();
  expect(asked).toEqual(["all", "all", "all"]);
});

it("keeps what an event told while an older question for all was under way", async () => {
  const { fleet, asked, clock, line, held } = fleetOf(ONE_PAGE + 1);
  await fleet.keepFresh();
  line.isHeld = true;
  clock.now = WHOLE_MS;
  const all = fleet.keepFresh();
  fleet.hear(event({ machine_id: "mch_3" }));
  const named = fleet.keepFresh();
  held.forEach((answer) => answer());
  await Promise.all([all, named]);
  expect(asked).toEqual(["all", "all", "mch_3"]);
  expect(fleet.value?.[3]?.sales_today.count).toBe(7);
});

it("asks for all again as soon as that failed", async () => {
  const { fleet, asked } = fleetOf(ONE_PAGE + 1);
  await fleet.keepFresh();
  fleet.failure = { kind: "not_known" };
  await fleet.keepFresh();
  expect(asked).toEqual(["all", "all"]);
  expect(fleet.failure).toBeUndefined();
});
