import { expect, it } from "vitest";
import type { Reply } from "../api/client";
import { Resource } from "./resource.svelte";

function answering() {
  const waiting: ((reply: Reply<string>) => void)[] = [];
  const resource = new Resource<string>(() => new Promise((resolve) => void waiting.push(resolve)));
  const answer = async (reply: Reply<string>) => {
    waiting.shift()?.(reply);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { resource, answer, asked: () => waiting.length };
}

it("keeps what was shown when a later question fails", async () => {
  const { resource, answer } = answering();
  void resource.refresh();
  await answer({ kind: "ok", value: "first" });
  void resource.refresh();
  await answer({ kind: "not_known" });
  expect([resource.value, resource.failure]).toEqual(["first", { kind: "not_known" }]);
  void resource.refresh();
  await answer({ kind: "ok", value: "second" });
  expect([resource.value, resource.failure]).toEqual(["second", undefined]);
});

it("asks once more for any number of questions that came meanwhile", async () => {
  const { resource, answer, asked } = answering();
  for (let times = 0; times < 5; times += 1) void resource.refresh();
  expect(asked()).toBe(1);
  await answer({ kind: "ok", value: "old" });
  expect(asked()).toBe(1);
  await answer({ kind: "ok", value: "new" });
  expect([asked(), resource.value, resource.isAsking]).toEqual([0, "new", false]);
});

it("does not take back what was learnt after its question", async () => {
  const { resource, answer, asked } = answering();
  const refreshed = resource.refresh();
  resource.keep("changed");
  await answer({ kind: "ok", value: "before the change" });
  expect([resource.value, asked()]).toEqual(["changed", 1]);
  await answer({ kind: "ok", value: "and what came later" });
  await refreshed;
  expect([resource.value, asked(), resource.isAsking]).toEqual(["and what came later", 0, false]);
});
