// A change as the server tells it, and what is said of it in short.

import { saysSo, type Entry } from "../../verify/check";
import type { Words } from "../../words";

export const STATES = ["proposed", "approving", "scheduled", "ready", "active", "superseded", "rejected", "expired", "void"] as const;
export type Status = (typeof STATES)[number];
export const OPEN: readonly Status[] = ["proposed", "approving", "scheduled", "ready"];
export const DECISIONS = ["approve", "reject", "withdraw"] as const;
export type Decision = (typeof DECISIONS)[number];

export interface Move {
  target: string;
  base: string | null;
  new: string | null;
}
export interface Touched {
  territory: string;
  people_lost: number;
  people_gained: number;
  terminals_lost: number | null;
  terminals_gained: number | null;
}
export interface Change {
  change: string;
  status: Status;
  why: string;
  proposed_at: string;
  not_before: string;
  approved_by: string[];
  missing: string[];
  quorum: string[];
  requester_is: string;
  sponsor: string | null;
  activated_at: string | null;
  unwitnessed: boolean;
  entries: { proposed: number; effect: number | null; approvals: { [officer: string]: number }; objections: number[]; activated: number | null };
  proposed: {
    kind: string;
    moves: Move[];
    requester: string;
    on_behalf_of: string;
    reason: string;
    legal_reference: string;
    window: { from: string; until: string };
    expires: string;
  };
  effect: { effect: string; touched: Touched[] } | null;
}

const FEW = 10; // counts below it are not shown, and stand as 9
const SHORT = 12; // characters of a hash
const MOST_NAMED = 3;
const LONGEST = 36; // characters of a target that are shown in a line: commitments are long

/** A count as the public reads it: of what the server says, from 1 to 9 all stand as 9. */
export function shown(count: number, language: string): string {
  return count > 0 && count < FEW ? `<${FEW}` : count.toLocaleString(language);
}

export function short(value: string | null, nothing: string): string {
  return value === null ? nothing : value.length < 20 ? value : value.slice(0, SHORT);
}

/** What a change moves, in a line: targets, and whether they are new, replaced or taken away. */
export function movesText(words: Words, moves: Move[]): string {
  const said = moves.map((one) => `${cut(one.target)} (${one.new === null ? words.changes.gone : one.base === null ? words.changes.begun : told(words, one)})`);
  return limited(words, said);
}

const cut = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);

function told(words: Words, one: Move): string {
  return one.new!.length < 20 ? one.new! : words.changes.replaced;
}

/** Who gains and loses, in a line. */
export function effectText(words: Words, language: string, effect: Change["effect"]): string {
  const said = words.changes;
  if (effect === null) return said.unfrozen;
  const sum = (of: (one: Touched) => number | null) => summed(effect.touched.map((one) => of(one) ?? 0), language);
  const counts = (lost: string, gained: string, what: string) => [...(lost ? [said.lose(lost, what)] : []), ...(gained ? [said.gain(gained, what)] : [])];
  const all = [
    ...counts(sum((one) => one.people_lost), sum((one) => one.people_gained), said.people),
    ...counts(sum((one) => one.terminals_lost), sum((one) => one.terminals_gained), said.terminals),
  ];
  if (all.length === 0) return said.nobody;
  return `${all.join(", ")} ${said.inPlaces(limited(words, effect.touched.map(({ territory }) => territory)))}`;
}

/** A sum as it may be told: counts of fewer than ten stand as nine, so that with several of them it is a bound. */
export function summed(counts: number[], language: string): string {
  const total = counts.reduce((sum, one) => sum + one, 0);
  const bound = counts.filter((one) => one > 0).length > 1 && counts.some((one) => one === FEW - 1);
  return total === 0 ? "" : `${bound ? "≤ " : ""}${shown(total, language)}`;
}

function limited(words: Words, names: string[]): string {
  const more = names.length - MOST_NAMED;
  return [...names.slice(0, MOST_NAMED), ...(more > 0 ? [words.changes.others(String(more))] : [])].join(", ");
}

/** Who is missing, in the server's words: a line of the quorum that is met has none. */
export function missingText(words: Words, change: Change): string {
  const lines = [...new Set(change.missing.filter(Boolean))];
  if (!OPEN.includes(change.status)) return "–";
  return lines.join("; ") || (change.effect === null ? "–" : words.changes.nothingMissing);
}

/** Where the server has a page of the list. */
export function listPath(filter: string, order: string, limit: number): string {
  const states = filter === "open" ? OPEN : filter === "" ? [] : [filter];
  return `v1/changes?${new URLSearchParams([["order", order], ["limit", String(limit)], ...states.map((one) => ["status", one])])}`;
}

export const pathOf = (id: string, more = "") => `v1/changes/${encodeURIComponent(id)}${more}`;

/** An instant as it is read: without the letters between, which are of machines. */
export function instant(text: string): string {
  return text.replace("T", " ").replace(/:\d\dZ$|Z$/, "");
}

/** The bytes that are signed have a name of their own each: what lies in a folder of downloads tells what it is. */
export const fileName = (id: string, decision: Decision) => `to-${decision === "approve" ? "sign" : decision}-${id.replace(/[^A-Za-z0-9._-]/g, "_")}.json`;

export const commandText = (name: string) => `ssh-keygen -Y sign -n openleo-approval@v1 -f KEY ${name}`;

export interface Step {
  what: "proposed" | "effect" | "approval" | "objection" | "notBefore" | "expires" | "activated";
  who: string;
  at: string; // empty: the entry says
  entry: number | null; // null: it stands in no entry of its own
}

/** What happened and what will, in the order of the ledger; what has no entry by its instant. */
export function stepsOf(change: Change): Step[] {
  const { entries } = change;
  const step = (what: Step["what"], entry: number | null, at = "", who = ""): Step => ({ what, who, at, entry });
  const logged = [
    step("proposed", entries.proposed, change.proposed_at, change.proposed.requester),
    ...(entries.effect === null ? [] : [step("effect", entries.effect)]),
    ...Object.entries(entries.approvals).map(([officer, entry]) => step("approval", entry, "", officer)),
    ...entries.objections.map((entry) => step("objection", entry)),
    ...(entries.activated === null ? [] : [step("activated", entries.activated, change.activated_at ?? "")]),
  ].sort((one, other) => one.entry! - other.entry!);
  if (!OPEN.includes(change.status)) return logged;
  const ahead = [step("notBefore", null, change.not_before), step("expires", null, change.proposed.expires)];
  return [...logged, ...ahead.sort((one, other) => (one.at < other.at ? -1 : 1))];
}

const TYPES: { [what in Step["what"]]?: string } = {
  proposed: "change.proposed", effect: "change.effect", approval: "change.approval", objection: "change.objection", activated: "change.activated",
};

/** Whether an entry of the ledger says of a step what the server says of it: its kind, its change, who, and what. */
export function saysStep(change: Change, { what, who }: Step, { type, body }: Entry): boolean {
  if (type !== TYPES[what] || body["change"] !== change.change) return false;
  const alike = (said: object) => Object.entries(said).every(([key, value]) => saysSo(body[key], value));
  if (what === "proposed") return alike(change.proposed);
  if (what === "effect") return change.effect !== null && alike(change.effect);
  return what !== "approval" || body["officer"] === who;
}

export const entriesOf = (change: Change): number[] => stepsOf(change).flatMap(({ entry }) => (entry === null ? [] : [entry]));
