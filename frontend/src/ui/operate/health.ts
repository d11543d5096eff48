// The slot loop in numbers: how early each plan was stored, how late applied, and which slots had none.

export interface SlotRead {
  number: string;
  begins_at: string;
  slot_s: number;
  rule_set: string;
  ledger: { size: string };
  degraded: string;
  stored_at: string;
  applied_at: string | null;
}
export interface Ready {
  ready: boolean;
  role: string;
  checks: { [name: string]: string };
  alarms: { [name: string]: string };
  ephemeris: { [name: string]: unknown } | null;
  warnings: string[];
}
export type Kind = "whole" | "degraded" | "waiting" | "none";
export interface Beat {
  number: number;
  begins_ms: number;
  kind: Kind; // waiting: stored, and not applied; none: nothing was planned
  stored_s: number | null; // against the slot's begin; less than 0: before it
  applied_s: number | null;
  why: string; // it is a lesser plan
}
export interface Alert {
  at: string;
  alarm: string;
  over: boolean;
  why: string;
}

/** Slots in a row, the oldest first; those that were passed over too, as many as `most`. */
export function beatsOf(slots: readonly SlotRead[], most: number): Beat[] {
  const known = new Map(slots.map((one) => [Number(one.number), one]));
  if (known.size === 0) return [];
  const [newest, oldest] = [Math.max(...known.keys()), Math.min(...known.keys())];
  const some = known.get(newest)!;
  const beats: Beat[] = [];
  for (let number = Math.max(oldest, newest - most + 1); number <= newest; number++) {
    const one = known.get(number);
    const begins_ms = Date.parse(some.begins_at) - 1000 * some.slot_s * (newest - number);
    const since = (at: string | null) => (at === null ? null : (Date.parse(at) - begins_ms) / 1000);
    if (!one) beats.push({ number, begins_ms, kind: "none", stored_s: null, applied_s: null, why: "" });
    else {
      const kind = one.applied_at === null ? "waiting" : one.degraded ? "degraded" : "whole";
      beats.push({ number, begins_ms, kind, stored_s: since(one.stored_at), applied_s: since(one.applied_at), why: one.degraded });
    }
  }
  return beats;
}

export interface Numbers {
  whole: number;
  degraded: number;
  none: number;
  late_s: number | null; // the latest that one was applied after its begin
  early_s: number | null; // in the middle, how long before its begin a plan was stored
}

export function numbersOf(beats: readonly Beat[]): Numbers {
  const of = (kind: Kind) => beats.filter((one) => one.kind === kind).length;
  const applied = beats.flatMap(({ applied_s }) => (applied_s === null ? [] : [applied_s]));
  const stored = beats.flatMap(({ stored_s }) => (stored_s === null ? [] : [-stored_s])).sort((a, b) => a - b);
  return {
    whole: of("whole"), degraded: of("degraded"), none: of("none"),
    late_s: applied.length > 0 ? Math.max(...applied) : null,
    early_s: stored.length > 0 ? stored[Math.floor(stored.length / 2)]! : null,
  };
}

/** An alert as the server told it; null: it cannot be read. */
export function alertOf(data: string): Alert | null {
  try {
    const said = JSON.parse(data) as Partial<Alert>;
    return said.alarm ? { at: said.at ?? "", alarm: said.alarm, over: said.over === true, why: said.why ?? "" } : null;
  } catch {
    return null;
  }
}
