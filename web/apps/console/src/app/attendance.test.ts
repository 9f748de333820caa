import { beforeEach, expect, it } from "vitest";
import { Attendance } from "./attendance";

let isVisible = true;
let later: (() => void)[] = [];
let told: string[] = [];
let attendance: Attendance;

const waitOut = () => {
  for (const run of later.splice(0)) run();
};
const show = (visible: boolean) => {
  isVisible = visible;
  attendance.look();
};

beforeEach(() => {
  [isVisible, later, told] = [true, [], []];
  const open = () => {
    told.push("open");
    return () => told.push("stop");
  };
  attendance = new Attendance(open, { isVisible: () => isVisible, later: (run) => void later.push(run) });
  attendance.look();
});

it("gives the stream up after a long absence and takes a new one on return", () => {
  show(false);
  expect(told).toEqual(["open"]);
  waitOut();
  expect(told).toEqual(["open", "stop"]);
  show(true);
  expect(told).toEqual(["open", "stop", "open"]);
});

it("keeps it through a short absence", () => {
  show(false);
  show(true);
  waitOut();
  expect(told).toEqual(["open"]);
});

it("ends for good", () => {
  attendance.end();
  show(true);
  expect(told).toEqual(["open", "stop"]);
});
