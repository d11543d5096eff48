// Two documents of books of rules, rule by rule: added, taken away, changed in which keys. A rule is known by its book
// and its id, as `openleo policy diff` knows it.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export interface Book {
  book?: string;
  classes?: Json;
  rule?: { [key: string]: Json }[];
  files?: { [name: string]: Json };
  [key: string]: Json | undefined;
}
export interface KeyChange {
  key: string;
  before: string;
  after: string;
}
export interface RuleDifference {
  kind: "added" | "removed" | "changed";
  book: string;
  id: string; // empty: what the book says outside its rules
  keys: KeyChange[];
}
export interface Difference {
  rules: RuleDifference[];
  unchanged: number;
}

const NONE = "–";

/** The difference that a book's move makes; null: there was, or will be, no such book. */
export function differenceOf(name: string, before: Book | null, after: Book | null): Difference {
  const [old, now] = [rulesOf(before), rulesOf(after)];
  const found: RuleDifference[] = [];
  let unchanged = 0;
  for (const id of new Set([...old.keys(), ...now.keys()])) {
    const keys = keysOf(old.get(id) ?? {}, now.get(id) ?? {});
    const kind = !old.has(id) ? "added" : !now.has(id) ? "removed" : "changed";
    if (keys.length > 0) found.push({ kind, book: name, id, keys });
    else unchanged += 1;
  }
  const rest = keysOf(restOf(before), restOf(after));
  if (rest.length > 0) found.push({ kind: "changed", book: name, id: "", keys: rest });
  return { rules: found, unchanged };
}

export function counted(difference: Difference): { [kind in RuleDifference["kind"]]: number } {
  const of = (kind: RuleDifference["kind"]) => difference.rules.filter((one) => one.kind === kind && one.id !== "").length;
  return { added: of("added"), removed: of("removed"), changed: of("changed") };
}

function rulesOf(book: Book | null): Map<string, { [key: string]: Json }> {
  return new Map((book?.rule ?? []).map((rule) => [String(rule["id"]), rule]));
}

/** What a book has beside its rules: its classes, and the files that they name. */
function restOf(book: Book | null): { [key: string]: Json } {
  const files = Object.entries(book?.files ?? {}).map(([name, content]) => [`files/${name}`, content]);
  const classes = Array.isArray(book?.classes) && book.classes.length > 0 ? [["classes", book.classes]] : [];
  return Object.fromEntries([...classes, ...files]) as { [key: string]: Json };
}

function keysOf(before: { [key: string]: Json }, after: { [key: string]: Json }): KeyChange[] {
  const [old, now] = [flat(before), flat(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((key) => key !== "id" && old.get(key) !== now.get(key))
    .map((key) => ({ key, before: old.get(key) ?? NONE, after: now.get(key) ?? NONE }));
}

/** Keys of keys as one path, with what each says as text. */
function flat(value: { [key: string]: Json }, at = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, one] of Object.entries(value)) {
    if (one !== null && typeof one === "object" && !Array.isArray(one) && !key.startsWith("files/")) {
      for (const [inner, text] of flat(one, `${at}${key}.`)) found.set(inner, text);
    } else {
      found.set(at + key, textOf(one));
    }
  }
  return found;
}

function textOf(value: Json): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.join(", ");
  return JSON.stringify(value);
}
