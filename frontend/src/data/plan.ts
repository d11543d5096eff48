// The cells, and a slot's plan of them, from the Arrow streams of openleo.controller.plan_arrow.

import { tableFromIPC, type Table } from "@uwdata/flechette";

export const REASONS = ["served", "not_permitted", "no_satellite", "no_gateway", "no_capacity"] as const;
export type Reason = (typeof REASONS)[number];
/** What stops a cell from having more, in the order of openleo.network.capacity.caps.Binding. */
export const BINDINGS = ["demand", "beam", "cell", "satellite", "feeder", "isl", "pop", "terminal", "policy", "no_way"] as const;
export type Binding = (typeof BINDINGS)[number];
export const NOBODY = -1;
const UNBOUND = 255; // not computed
const TENTHS = "rtt_tenth_ms"; // of the rounded form (openleo.controller.rounded)

/** Columns by cell. Nobody is −1, and a number that there is none of is NaN. */
export interface Plan {
  number: number;
  begins_ms: number;
  slot_ms: number;
  classes: string[];
  degraded: string;
  satellite: Int32Array;
  gateway: Int32Array;
  pop: Int32Array;
  rtt_ms: Float32Array;
  seen: Int32Array;
  down_mbps: Float32Array;
  up_mbps: Float32Array;
  /** Numbers of BINDINGS, and others where it is not computed; null where it is so nowhere. */
  binding: Uint8Array | null;
  reason: Uint8Array; // axes (cell, class)
  /** Of a computed run alone (left_out: it has rates, of another rule set than it is shown under): the rule sets whose reasons `reason` has, classes of the first one first, and the run as one. */
  run?: { rule_sets: string[]; whole: boolean; left_out: boolean; served: Float32Array | null; rtt_ms_p95: Float32Array };
}

/** The cells' H3 indexes as hexadecimal, in the order of every plan's rows. Throws where the bytes are no such table. */
export function readCells(bytes: Uint8Array): string[] {
  return Array.from(tableOf(bytes).getChild("cell") as Iterable<string>);
}

/** A slot's plan. Throws where the bytes are no plan of so many cells. */
export function readPlan(bytes: Uint8Array, cells: number): Plan {
  const table = tableOf(bytes);
  const said = JSON.parse(table.schema.metadata?.get("openleo.plan") ?? "{}") as Record<string, unknown>;
  const ofRun = said.form === "openleo-run-slot@v1";
  if (said.form !== "openleo-slot-plan@v1" && !ofRun) throw new Error("these bytes are no plan of a slot");
  if (table.numRows !== cells) throw new Error(`the plan has ${table.numRows} cells, and the network ${cells}`);
  const classes = said.classes as string[];
  const ruleSets = ofRun ? Math.max(1, (said.rule_sets as string[]).length) : 1;
  const whole = (name: string) => column(table, name, cells, Int32Array, NOBODY);
  const amount = (name: string) => column(table, name, cells, Float32Array, NaN);
  const binding = column(table, "binding", cells, Uint8Array, UNBOUND);
  const reason = rows(table, "reason", new Uint8Array(cells * classes.length * ruleSets));
  const isWhole = said.number === "whole";
  const served = isWhole ? rows(table, "served", new Float32Array(cells * classes.length * ruleSets)) : null;
  return {
    number: isWhole ? Infinity : Number(said.number),
    begins_ms: said.begins_ms as number,
    slot_ms: said.slot_ms as number,
    classes,
    degraded: (said.degraded as string | undefined) ?? "",
    satellite: whole("satellite"),
    gateway: whole("gateway"),
    pop: whole("pop"),
    rtt_ms: table.getChild(TENTHS) ? amount(TENTHS).map((tenths) => tenths / 10) : amount("rtt_ms"),
    seen: whole("seen"),
    down_mbps: amount("down_mbps"),
    up_mbps: amount("up_mbps"),
    binding: binding.some((one) => one < BINDINGS.length) ? binding : null,
    reason,
    ...(ofRun ? { run: { rule_sets: said.rule_sets as string[], whole: isWhole, left_out: false, served, rtt_ms_p95: amount("rtt_ms_p95") } } : {}),
  };
}

/** What binds a cell; null where that is not computed. */
export function bindingAt(plan: Plan, row: number): Binding | null {
  return BINDINGS[plan.binding?.[row] ?? UNBOUND] ?? null;
}

/** A run's slot as it is under one of its rule sets: nobody over cells where nobody of any class is served.
 *
 *  Rates, and what binds them, a file has under the first rule set alone.
 */
export function underRules(plan: Plan, which: number): Plan {
  const { run, classes, seen } = plan;
  if (!run) return plan;
  const [wide, narrow] = [classes.length * Math.max(1, run.rule_sets.length), classes.length];
  const cut = <T extends Uint8Array | Float32Array>(from: T, to: T): T => {
    for (let cell = 0; cell < seen.length; cell++) {
      for (let of = 0; of < narrow; of++) to[cell * narrow + of] = from[cell * wide + which * narrow + of]!;
    }
    return to;
  };
  const reason = cut(plan.reason, new Uint8Array(seen.length * narrow));
  const served = run.served && cut(run.served, new Float32Array(seen.length * narrow));
  const lit = (at: number) => (served ? served[at]! > 0 : REASONS[reason[at]!] === "served");
  const rtt_ms_p95 = run.rtt_ms_p95.slice();
  const made = { ...plan, reason, binding: which === 0 ? plan.binding : null, run: { ...run, left_out: which > 0 && plan.binding !== null, served, rtt_ms_p95 } };
  const columns = ["satellite", "gateway", "pop", "rtt_ms", "down_mbps", "up_mbps"] as const;
  for (const name of columns) made[name] = plan[name].slice() as Int32Array & Float32Array;
  if (which > 0) for (const rate of [made.down_mbps, made.up_mbps]) rate.fill(NaN);
  for (let cell = 0; cell < seen.length; cell++) {
    if (classes.some((_, of) => lit(cell * narrow + of))) continue;
    for (const name of columns) made[name][cell] = made[name] instanceof Int32Array ? NOBODY : NaN;
    rtt_ms_p95[cell] = NaN;
  }
  return made;
}

function tableOf(bytes: Uint8Array): Table {
  return tableFromIPC(bytes);
}

type Numbers = Int32Array | Float32Array | Uint8Array;

/** A column; of a table without it, and where it is null, `none`. */
function column<T extends Numbers>(table: Table, name: string, cells: number, kind: new (length: number) => T, none: number): T {
  const found = table.getChild(name)?.toArray() as ArrayLike<number | null> | undefined;
  const out = new kind(cells);
  for (let cell = 0; cell < cells; cell++) out[cell] = found?.[cell] ?? none;
  return out;
}

/** A column of lists of one length, one after the other. */
function rows<T extends Numbers>(table: Table, name: string, out: T): T {
  let at = 0;
  for (const of of table.getChild(name) as Iterable<ArrayLike<number>>) {
    out.set(of, at);
    at += of.length;
  }
  return out;
}
