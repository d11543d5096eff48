// Tables as files (RFC 4180), which spreadsheets open without doing what a cell says.

import type { Leases, Terminal } from "./fleet";

const FORMULA = /^[=+\-@\t\r]/; // what a spreadsheet would compute; an apostrophe before it says: text
const TO_QUOTE = /[",\r\n]/;
const FIELDS = ["id", "account", "subscription", "class", "home_territory", "groups", "state", "enrolled_at", "version", "commitment"] as const;

export function cell(value: string): string {
  const text = FORMULA.test(value) ? `'${value}` : value;
  return TO_QUOTE.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(head: readonly string[], rows: Iterable<readonly string[]>): string {
  const lines = [head.map(cell).join(",")];
  for (const row of rows) lines.push(row.map(cell).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

/** Terminals with the leases that held when those were read; `until`: when a slot begins, as text. */
export function fleetCsv(terminals: readonly Terminal[], leases: Leases, until: (slot: number) => string): string {
  const field = (one: Terminal, name: (typeof FIELDS)[number]) => (name === "groups" ? one.groups.join(" ") : String(one[name] ?? ""));
  const rows = terminals.map((one) => {
    const held = leases.get(one.id);
    return [...FIELDS.map((name) => field(one, name)), held?.lease ?? "", held ? until(Number(held.slots[1])) : ""];
  });
  return csv([...FIELDS, "lease", "lease_until"], rows);
}
