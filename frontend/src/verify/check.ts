// What is checked of the running ledger, step by step, and what was found: from the keys to the entries of a change.

import { goesOn, provenEntry, wholeLog, type Seen } from "./ledger";
import { ED25519, openCheckpoint, parseVerifier, witnessesOf, type Opened, type VerifierKey } from "./note";
import { NotProven, toHex, type Bytes } from "./text";
import type { Fetch, Progress } from "./tiles";

/** What the page remembers between visits; it may be refused to, and then remembers nothing. */
export interface Memory {
  seen(origin: string, log: string): Seen | null;
  remember(origin: string, log: string, seen: Seen): void;
  /** The log that this site showed last, by its name and key; null: none yet. */
  last(): string | null;
}
export interface Entry {
  type: string;
  at: string;
  body: { [key: string]: unknown };
}
export interface Asked {
  fetch: Fetch;
  keys: string[]; // verifier keys that the reader trusts; none of the log's: the one that it serves
  memory: Memory;
  entries: number[];
  whole?: Progress;
}
export interface Found {
  opened: Opened;
  pinned: boolean;
  before: Seen | null;
  other: string | null; // the log that this site showed before, where this is another one
  entries: Map<number, Entry>;
  whole: boolean;
}

/** Throws NotProven with what does not hold. */
export async function check(asked: Asked): Promise<Found> {
  const given = await Promise.all(asked.keys.map(parseVerifier));
  const pinned = given.find(({ type }) => type === ED25519);
  const log = pinned ?? (await parseVerifier(new TextDecoder().decode(await asked.fetch("vkey")).trim()));
  const data = await asked.fetch("checkpoint");
  const known = given.filter(({ type }) => type !== ED25519);
  const { checkpoint } = await openCheckpoint(data, log, known);
  const before = asked.memory.seen(log.name, toHex(log.id));
  // All of it first: where something is wrong, that tells best what.
  if (asked.whole) await wholeLog(asked.fetch, checkpoint, asked.whole);
  if (before) await goesOn(asked.fetch, before, checkpoint);
  const entries = new Map<number, Entry>();
  for (const index of asked.entries) entries.set(index, read(await provenEntry(asked.fetch, checkpoint, index)));
  const founded = checkpoint.size > 0 ? await witnessesAt(await provenEntry(asked.fetch, checkpoint, 0)) : [];
  const opened = await openCheckpoint(data, log, [...known, ...founded.filter(({ text }) => !known.some((one) => one.text === text))]);
  const [last, now] = [asked.memory.last(), `${log.name}+${toHex(log.id)}`];
  const other = last !== null && last !== now ? last : null;
  asked.memory.remember(log.name, toHex(log.id), { size: checkpoint.size, root: checkpoint.root });
  return { opened, pinned: pinned !== undefined, before, other, entries, whole: asked.whole !== undefined };
}

function read(entry: Bytes): Entry {
  const found = JSON.parse(new TextDecoder().decode(entry)) as Partial<Entry>;
  return { type: String(found.type), at: String(found.at), body: found.body ?? {} };
}

/** The witnesses that the first roster names. */
async function witnessesAt(genesis: Bytes): Promise<VerifierKey[]> {
  const roster = read(genesis).body["roster"] as { witnesses?: unknown } | undefined;
  return typeof roster?.witnesses === "string" ? witnessesOf(roster.witnesses) : [];
}

/** Whether an entry says of something what the server says of it, whatever order their keys are in. */
export function saysSo(entry: unknown, said: unknown): boolean {
  return sorted(entry) === sorted(said);
}

function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join()}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${sorted((value as { [key: string]: unknown })[key])}`).join()}}`;
}

/** The ledger's files, asked of the server each time: what a browser kept would say nothing of what is there now. */
export function ledgerOf(ask: (path: string, init: RequestInit) => Promise<Response>): Fetch {
  return async (path) => {
    const answer = await ask(`ledger/${path}`, { cache: "no-store" });
    if (answer.status === 404) throw new NotProven({ kind: "missing", path });
    if (!answer.ok) throw new Failed(answer.status);
    return new Uint8Array(await answer.arrayBuffer());
  };
}

/** The server failed to give a file: nothing is known of the ledger by that. */
export class Failed extends Error {
  constructor(readonly status: number) {
    super(String(status));
  }
}
