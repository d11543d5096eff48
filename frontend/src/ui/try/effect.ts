// The effect as the server tells it, read for the page's tables and its map. Sums of the table are the server's.

export interface Amount {
  cells: number;
  area_km2: number;
  people: number;
  terminals: number | null;
}
export const AMOUNTS = ["lost", "gained", "may_lose", "may_gain", "displaced_by_capacity", "freed_by_capacity"] as const;
export type Kind = (typeof AMOUNTS)[number];
export type Amounts = { [kind in Kind]: Amount | null };
type Pair = [number | null, number | null];

export interface Row extends Amounts {
  territory: string;
  class: string;
  rtt_ms_p50: Pair;
  down_mbps_p50: Pair;
  up_mbps_p50: Pair;
  spill_people: number | null;
  because: string[];
}
export interface CellsTold {
  states: string[];
  changes: string[];
  classes: { [name: string]: { before: string; after: string; change: string } };
}
interface Moved {
  class: string;
  lost: number;
  gained: number;
}
/** Terminals as they are, for who may read where they are. `elsewhere`: on borders, outside the area, or out of reach. */
export interface Counted {
  terminals: number;
  not_counted: number;
  territories: (Moved & { territory: string })[];
  totals: Moved[];
  elsewhere: (Moved & { territory: string; reached: boolean })[];
}
export interface Effect {
  sha256: string;
  at: string;
  slots: number;
  territories: Row[];
  totals: (Amounts & { class: string })[];
  beam_km: number | null;
  edges: { at: string; of: string[] }[];
  notes: string[];
  cells?: CellsTold;
  counted?: Counted;
}

/** A row of the table: what is lost, gained, … by one territory and class; no territory: by all together. */
export interface Line {
  territory: string;
  class: string;
  kind: Kind;
  amount: Amount;
  exact?: number; // terminals as they are, where they were counted
}

const FEW = 9; // the server tells of 1 to 9 people or terminals as 9

/** A count of people or terminals, as everybody may read it; empty: not counted. */
export function few(count: number | null, language: string): string {
  if (count === null) return "";
  return count === FEW ? "<10" : whole(count, language);
}

export function whole(count: number, language: string): string {
  return count.toLocaleString(language);
}

export function something(amount: Amount | null): amount is Amount {
  return amount !== null && Boolean(amount.cells || amount.area_km2 || amount.people || amount.terminals);
}

export function linesOf(effect: Effect): Line[] {
  const exact = exactOf(effect.counted);
  const of = (one: Amounts & { class: string }, territory: string): Line[] =>
    AMOUNTS.flatMap((kind) => {
      const terminals = exact(territory, one.class, kind);
      if (!something(one[kind]) && !terminals) return [];
      return [{ territory, class: one.class, kind, amount: one[kind] as Amount, ...(terminals === undefined ? {} : { exact: terminals }) }];
    });
  return [...effect.territories.flatMap((row) => of(row, row.territory)), ...effect.totals.flatMap((total) => of(total, ""))];
}

/** How many terminals lose or gain, of a territory (none: of all) and class; undefined: not counted, as of what may be lost. */
function exactOf(counted: Counted | undefined): (territory: string, class_: string, kind: Kind) => number | undefined {
  const rows = new Map<string, Moved>();
  for (const one of counted?.territories ?? []) rows.set(JSON.stringify([one.territory, one.class]), one);
  for (const one of counted?.totals ?? []) rows.set(JSON.stringify(["", one.class]), one);
  return (territory, class_, kind) => {
    if (!counted || (kind !== "lost" && kind !== "gained")) return undefined;
    return rows.get(JSON.stringify([territory, class_]))?.[kind] ?? 0;
  };
}

/** Terminals that lose and gain, and stand in no row of the table. */
export function elsewhereOf(counted: Counted): { lost: number; gained: number } {
  const sum = (kind: "lost" | "gained") => counted.elsewhere.reduce((found, one) => found + one[kind], 0);
  return { lost: sum("lost"), gained: sum("gained") };
}

/** Whether the server counts terminals for somebody: it tells where they are, which the operator's alone may read. */
export function maySeeTerminals(who: { party: string; roles: string[] } | null): boolean {
  return who?.party === OPERATOR && who.roles.some((role) => READ_POSITIONS.includes(role));
}
const OPERATOR = "operator";
const READ_POSITIONS = ["requester", "auditor"];

/** Rows of whom quality or stray light changes, or is told at all. */
export function qualityOf(effect: Effect): Row[] {
  const told = (pair: Pair) => pair[0] !== null || pair[1] !== null;
  return effect.territories.filter((row) => told(row.rtt_ms_p50) || told(row.down_mbps_p50) || told(row.up_mbps_p50) || (row.spill_people ?? 0) > 0);
}

/** Whether anything changes. */
export function changes(effect: Effect): boolean {
  return linesOf(effect).length > 0;
}

/** A code of a cell each, from hexadecimal digits. */
export function codesOf(digits: string): Uint8Array {
  return Uint8Array.from(digits, (digit) => parseInt(digit, 16));
}
