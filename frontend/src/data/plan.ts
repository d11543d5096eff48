// The cells, and a slot's plan of them, from the Arrow streams of openleo.controller.plan_arrow.

import { tableFromIPC, type Table } from "@uwdata/flechette";

export const REASONS = ["served", "not_permitted", "no_satellite", "no_gateway", "no_capacity"] as const;
export type Reason = (typeof REASONS)[number];
export const NOBODY = -1;

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
  reason: Uint8Array; // axes (cell, class)
}

/** The cells' H3 indexes as hexadecimal, in the order of every plan's rows. Throws where the bytes are no such table. */
export function readCells(bytes: Uint8Array): string[] {
  return Array.from(tableOf(bytes).getChild("cell") as Iterable<string>);
}

/** A slot's plan. Throws where the bytes are no plan of so many cells. */
export function readPlan(bytes: Uint8Array, cells: number): Plan {
  const table = tableOf(bytes);
  const said = JSON.parse(table.schema.metadata?.get("openleo.plan") ?? "{}") as Record<string, unknown>;
  if (said.form !== "openleo-slot-plan@v1") throw new Error("these bytes are no plan of a slot");
  if (table.numRows !== cells) throw new Error(`the plan has ${table.numRows} cells, and the network ${cells}`);
  const classes = said.classes as string[];
  const whole = (name: string) => Int32Array.from(values(table, name), (one) => one ?? NOBODY);
  const amount = (name: string) => Float32Array.from(values(table, name), (one) => one ?? NaN);
  const reason = new Uint8Array(cells * classes.length);
  let row = 0;
  for (const of of table.getChild("reason") as Iterable<ArrayLike<number>>) reason.set(of, classes.length * row++);
  return {
    number: Number(said.number),
    begins_ms: said.begins_ms as number,
    slot_ms: said.slot_ms as number,
    classes,
    degraded: said.degraded as string,
    satellite: whole("satellite"),
    gateway: whole("gateway"),
    pop: whole("pop"),
    rtt_ms: amount("rtt_ms"),
    seen: whole("seen"),
    down_mbps: amount("down_mbps"),
    up_mbps: amount("up_mbps"),
    reason,
  };
}

function tableOf(bytes: Uint8Array): Table {
  return tableFromIPC(bytes);
}

function values(table: Table, name: string): ArrayLike<number | null> {
  return table.getChild(name).toArray() as ArrayLike<number | null>;
}
