// The fleet as a list: what is asked of it, in which order, and the leases that hold.

export const STATES = ["enrolled", "active", "suspended", "lost", "revoked"] as const;
export interface Terminal {
  id: string;
  account: string;
  subscription: string | null;
  class: string;
  home_territory: string;
  groups: string[];
  commitment: string;
  state: (typeof STATES)[number];
  enrolled_at: string | null;
  version: number;
}
export interface Lease {
  lease: string;
  terminal: string;
  slots: [string, string]; // the first that it holds in, the first that it does not
}
export type Leases = ReadonlyMap<string, Lease>; // by terminal

export const COLUMNS = ["id", "account", "class", "home_territory", "state", "enrolled_at", "lease"] as const;
export type Column = (typeof COLUMNS)[number];
export interface Asked {
  id: string; // part of the id, in any case
  account: string; // part of it
  class: string; // empty: any
  home_territory: string;
  state: string;
}
export const ANY: Asked = { id: "", account: "", class: "", home_territory: "", state: "" };
export interface Order {
  by: Column;
  down: boolean;
}

export function filtered(all: readonly Terminal[], asked: Asked): Terminal[] {
  const [id, account] = [asked.id.trim().toLowerCase(), asked.account.trim().toLowerCase()];
  const is = (wanted: string, value: string) => wanted === "" || wanted === value;
  return all.filter(
    (one) =>
      (id === "" || one.id.toLowerCase().includes(id)) &&
      (account === "" || one.account.toLowerCase().includes(account)) &&
      is(asked.class, one.class) &&
      is(asked.home_territory, one.home_territory) &&
      is(asked.state, one.state),
  );
}

/** In an order; what is alike stays as it was, by id. To have no lease counts as more than any lease. */
export function sorted(all: readonly Terminal[], { by, down }: Order, leases: Leases): Terminal[] {
  const key = (one: Terminal): string => (by === "lease" ? leases.get(one.id)?.slots[1].padStart(16, "0") ?? "~" : (one[by] ?? ""));
  const keyed = all.map((one) => [key(one), one] as const);
  const way = down ? -1 : 1;
  keyed.sort(([a], [b]) => (a < b ? -way : a > b ? way : 0));
  return keyed.map(([, one]) => one);
}

/** What stands in a column, to choose from. */
export function valuesOf(all: readonly Terminal[], column: "class" | "home_territory"): string[] {
  return [...new Set(all.map((one) => one[column]))].sort();
}

/** Of each terminal the lease that holds longest: a renewal is a lease of its own. */
export function longest(leases: Iterable<Lease>): Map<string, Lease> {
  const found = new Map<string, Lease>();
  for (const one of leases) {
    const before = found.get(one.terminal);
    if (!before || Number(before.slots[1]) < Number(one.slots[1])) found.set(one.terminal, one);
  }
  return found;
}
