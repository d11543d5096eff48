// The rule that somebody tries, from what is typed to the document of the book that it goes into.

import { outlineOf, readVertices, type Fault } from "../../map/draw";
import type { Scene } from "../../data/scene";

export const EFFECTS = ["permit", "forbid", "suspend"] as const;
/** Of every rule file (openleo.policy.rules); books add their own. */
export const CLASSES = ["fixed", "portable", "vehicle", "maritime", "aviation", "government", "emergency"] as const;
export const WHERES = ["territory", "coast", "drawn"] as const;

/** All as it stands in the form: kept while anything fails, so that nobody types it again. */
export interface Draft {
  where: (typeof WHERES)[number];
  outline: string; // lines of latitude, longitude
  territory: string;
  km: string;
  include: string[]; // contested areas that come along
  effect: (typeof EFFECTS)[number];
  classes: string[]; // none: all
  emergency: "keep" | "cut";
  from: string; // as an input of the page has it, UTC
  until: string;
  id: string;
  reason: string;
  book: string; // empty: a new one
  newBook: string;
}

export interface Book {
  schema: number;
  book: string;
  classes: string[];
  rule: { id: string }[];
  files: { [name: string]: string };
}

export type Wrong = Fault | "lines" | "territory" | "km" | "id" | "taken" | "reason" | "until" | "book";
/** What keeps a draft from being a rule; `said`: whatever names it more closely. */
export interface Trouble {
  what: Wrong;
  said: string;
}

export const firstDraft = (): Draft => ({
  where: "territory", outline: "", territory: "", km: "50", include: [], effect: "forbid", classes: [], emergency: "keep", from: "", until: "",
  id: "tried-1", reason: "", book: "", newBook: "operator",
});

/** The contested areas of which a rule on a territory has to say whether they come along. */
export function contestedWith(borders: Scene["borders"], territory: string): { id: string; name: string }[] {
  return borders.features
    .map(({ properties }) => properties)
    .filter((one) => one.contested && one.id !== territory && [...(one.administered_by ?? []), ...(one.claimed_by ?? [])].includes(territory));
}

/** What somebody has to mend before anything is sent. */
export function troubles(draft: Draft, borders: Scene["borders"], held: Book | null): Trouble[] {
  const found: Trouble[] = [];
  const add = (what: Wrong, said = "") => found.push({ what, said });
  if (draft.where === "drawn") {
    const { vertices, wrong } = readVertices(draft.outline);
    const { fault } = outlineOf(vertices);
    if (wrong.length > 0) add("lines", wrong.join(", "));
    else if (fault) add(fault);
  } else if (!borders.features.some(({ properties }) => properties.id === draft.territory)) add("territory");
  if (draft.where === "coast" && !(Math.abs(Number(draft.km)) >= 0.01 && Math.abs(Number(draft.km)) <= 1000)) add("km");
  if (draft.id.trim() === "") add("id");
  else if (held?.rule.some(({ id }) => id === draft.id.trim())) add("taken", draft.id.trim());
  if (draft.reason.trim() === "") add("reason");
  if (draft.effect === "suspend" && draft.until === "") add("until");
  if (bookOf(draft) === "") add("book");
  return found;
}

/** The classes that rules may name: everybody's, and those of the books. */
export function classesOf(books: Book[]): string[] {
  return [...new Set([...CLASSES, ...books.flatMap(({ classes }) => classes)])];
}

export function bookOf(draft: Draft): string {
  return draft.book || draft.newBook.trim();
}

/** The rule as rule files have it. */
export function ruleOf(draft: Draft, borders: Scene["borders"]): { id: string; [key: string]: unknown } {
  return {
    id: draft.id.trim(),
    effect: draft.effect,
    territory: territoryOf(draft, borders),
    reason: draft.reason.trim(),
    ...(draft.classes.length > 0 ? { who: { classes: draft.classes } } : {}),
    ...(draft.effect === "permit" ? {} : { emergency: draft.emergency }),
    ...(draft.from ? { from: instant(draft.from) } : {}),
    ...(draft.until ? { until: instant(draft.until) } : {}),
  };
}

/** The book with one rule more; a new one where none is held. */
export function bookWith(held: Book | null, name: string, rule: { id: string }): Book {
  const book = held ?? { schema: 1, book: name, classes: [], rule: [], files: {} };
  return { ...book, rule: [...book.rule, rule].sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

/** What a page's input of date and time says, as UTC. */
export function instant(typed: string): string {
  return new Date(`${typed}Z`).toISOString().replace(".000Z", "Z");
}

function territoryOf(draft: Draft, borders: Scene["borders"]): object {
  if (draft.where === "drawn") {
    return { geojson: { type: "Polygon", coordinates: [outlineOf(readVertices(draft.outline).vertices).ring] } };
  }
  const contested = contestedWith(borders, draft.territory).map(({ id }) => id);
  const include = draft.include.filter((id) => contested.includes(id));
  return { in: draft.where === "coast" ? `coast(${draft.territory}, ${Number(draft.km)})` : draft.territory, include };
}
