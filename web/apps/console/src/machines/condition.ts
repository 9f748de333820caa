/** What a machine said of itself, as tiles: a word, a remark, and whether it is well. Pure. */
import type { Tone } from "@vendomat/ui";
import type { MachineDetail } from "../api/views";
import { temperature } from "../app/moments";
import { i18n, t } from "../i18n";
import { machineTone } from "./status";

export type Tile = { key: string; label: string; value: string; note: string; tone: Tone | undefined };

const WEAK_DBM = -95;

/** Every tile of the machine; `seen` says when it was heard last. */
export function tilesOf(machine: MachineDetail, seen: string): Tile[] {
  return [lineTile(machine, seen), doorTile(machine), warmthTile(machine), ...changeTile(machine), signalTile(machine), programTile(machine)];
}

function lineTile(machine: MachineDetail, seen: string): Tile {
  return { key: "line", label: t("condition.line"), value: t(`machine.${machine.state}`), note: seen, tone: machineTone(machine.state) };
}

function doorTile(machine: MachineDetail): Tile {
  const isShut = machine.condition?.is_door_shut ?? null;
  const value = isShut === null ? t("app.none") : t(isShut ? "condition.shut" : "condition.open");
  return { key: "door", label: t("condition.door"), value, note: isShut === null ? t("condition.not_told") : "", tone: isShut === null ? undefined : isShut ? "ok" : "warn" };
}

function warmthTile(machine: MachineDetail): Tile {
  const label = t("machine.temperature");
  const { band } = machine;
  const wanted = band === null ? t("condition.any_temperature") : t("condition.wanted", { low: String(band.low_c), high: String(band.high_c) });
  if (machine.temperature_c === null) return { key: "temperature", label, value: t("app.none"), note: band === null ? t("machine.no_sensor") : wanted, tone: band === null ? undefined : "warn" };
  const others = Object.entries(machine.condition?.temperatures_c ?? {}).filter(([probe]) => probe !== "cabinet");
  const note = [wanted, ...others.map(([probe, celsius]) => `${probeWord(probe)} ${temperature(celsius, i18n.locale)}`)].join(" · ");
  const tone = band === null ? undefined : machine.off_band_since === null ? "ok" : "crit";
  return { key: "temperature", label, value: temperature(machine.temperature_c, i18n.locale), note, tone };
}

function probeWord(probe: string): string {
  const key = `condition.probe_${probe}`;
  return i18n.has(key) ? t(key) : probe;
}

/** Coins to give back, and notes taken; no tile where there are none. */
function changeTile(machine: MachineDetail): Tile[] {
  const cash = machine.condition?.cash ?? null;
  if (cash === null) return [];
  const sum = cash.tubes.reduce((total, tube) => total + tube.value_minor * tube.count, 0);
  const tubes = cash.tubes.map((tube) => `${i18n.money(tube.value_minor, cash.currency)} × ${tube.count}`);
  const note = [...tubes, t("condition.notes", { count: cash.notes })].join(" · ");
  const isEmpty = cash.tubes.some((tube) => tube.count === 0);
  return [{ key: "change", label: t("condition.change"), value: i18n.money(sum, cash.currency), note, tone: isEmpty ? "warn" : undefined }];
}

function signalTile(machine: MachineDetail): Tile {
  const signal = machine.condition?.signal ?? null;
  const label = t("condition.signal");
  if (signal === null) return { key: "signal", label, value: t("app.none"), note: t("condition.not_told"), tone: undefined };
  const key = `condition.way_${signal.way}`;
  const note = signal.dbm === null ? "" : `${signal.dbm} dBm`;
  return { key: "signal", label, value: i18n.has(key) ? t(key) : signal.way, note, tone: signal.dbm === null ? undefined : signal.dbm <= WEAK_DBM ? "warn" : "ok" };
}

function programTile(machine: MachineDetail): Tile {
  const said = machine.condition;
  const label = t("condition.program");
  if (said === null) return { key: "program", label, value: t("app.none"), note: t("condition.not_told"), tone: undefined };
  const shown = said.catalogue_version === machine.catalogue_version ? t("condition.catalogue", { shown: said.catalogue_version }) : t("condition.catalogue_behind", { shown: said.catalogue_version, wanted: machine.catalogue_version });
  return { key: "program", label, value: said.program.replace(/^vendomat-terminal\//, ""), note: `${t("condition.protocol", { version: said.protocol })} · ${shown}`, tone: undefined };
}
