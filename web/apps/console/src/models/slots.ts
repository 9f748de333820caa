/** The slots of a cabinet, made and changed a row at a time. Pure. */
import type { MachineModel, ModelSlot } from "../api/goodsViews";
import { inOrder } from "../planograms/edit";

export const ROWS_MAX = 26;
export const SLOTS_MAX = 200;
const LETTER_A = 65;

/** A1 to the last of the last row, each for so many pieces. */
export function gridOf(rows: number, perRow: number, capacity: number): ModelSlot[] {
  const row = (at: number) => Array.from({ length: perRow }, (_, n) => ({ slot: `${String.fromCharCode(LETTER_A + at)}${n + 1}`, capacity }));
  return Array.from({ length: rows }, (_, at) => row(at)).flat();
}

/** Whether so many rows of so many slots are a cabinet. */
export function isGrid(rows: number, perRow: number): boolean {
  return [rows, perRow].every(Number.isInteger) && rows >= 1 && rows <= ROWS_MAX && perRow >= 1 && perRow <= 99 && rows * perRow <= SLOTS_MAX;
}

export function withRoom(slots: readonly ModelSlot[], slot: string, capacity: number): ModelSlot[] {
  return inOrder([...slots.filter((one) => one.slot !== slot), { slot, capacity }]);
}

/** "Fuji S-60": the maker comes first, as on the plate. */
export function modelName(model: Pick<MachineModel, "maker" | "name">): string {
  return `${model.maker} ${model.name}`.trim();
}
