/** What a machine's and a slot's state mean in one word and one tone, and in which order machines are shown. Pure. */
import type { Tone } from "@vendomat/ui";
import type { Machine, MachineState, Slot } from "../api/views";

const MACHINE_TONES: Readonly<Record<MachineState, Tone>> = { online: "ok", attention: "warn", offline: "off", new: "off" };
const SLOT_TONES: Readonly<Record<Slot["state"], Tone>> = { ok: "ok", sold_out: "warn", closed: "crit" };
const URGENCY: Readonly<Record<MachineState, number>> = { offline: 0, attention: 1, online: 2, new: 3 };

export function machineTone(state: MachineState): Tone {
  return MACHINE_TONES[state];
}

export function slotTone(state: Slot["state"]): Tone {
  return SLOT_TONES[state];
}

/** What sells nothing first, then by number. */
export function byUrgency(left: Machine, right: Machine): number {
  return URGENCY[left.state] - URGENCY[right.state] || left.number.localeCompare(right.number, "en", { numeric: true });
}

/** A number for the next machine: one above the highest of the same form; the first is VM-001. */
export function nextNumber(taken: readonly string[]): string {
  const [last] = [...taken].sort((left, right) => right.localeCompare(left, "en", { numeric: true }));
  const parts = /^(.*?)(\d+)$/.exec(last ?? "VM-000");
  if (parts === null) return "";
  const [, before = "", digits = ""] = parts;
  return before + String(Number(digits) + 1).padStart(digits.length, "0");
}

/** The first machines that a text may mean: by the beginning of the number before anything else. */
export function matching(machines: readonly Machine[], text: string, most: number): Machine[] {
  const wanted = text.trim().toLocaleLowerCase();
  const found = chosen(machines, wanted.split(" · ")[0] ?? "", "");
  const isFirst = (machine: Machine) => machine.number.toLocaleLowerCase().startsWith(wanted);
  return [...found.filter(isFirst), ...found.filter((machine) => !isFirst(machine))].slice(0, most);
}

/** The machines that match a search text (number, name, site), a state, a tag and a model; "none" is of no model. */
export function chosen(machines: readonly Machine[], text: string, state: string, tag = "", model = ""): Machine[] {
  const wanted = text.trim().toLocaleLowerCase();
  return machines.filter((machine) => {
    const words = [machine.number, machine.name_zh, machine.name_en, machine.site].join("\n").toLocaleLowerCase();
    return words.includes(wanted) && (state === "" || machine.state === state) && (tag === "" || machine.tags.includes(tag)) && (model === "" || (machine.model?.id ?? "none") === model);
  });
}

/** Slots in the rows of the machine: A1 A2 … above B1 B2 …; slots without a letter make one row. */
export function rowsOf(slots: readonly Slot[]): Slot[][] {
  const rows = new Map<string, Slot[]>();
  for (const slot of slots) {
    const row = /^[A-Z]*/.exec(slot.slot)?.[0] ?? "";
    rows.set(row, [...(rows.get(row) ?? []), slot]);
  }
  return [...rows.values()];
}
