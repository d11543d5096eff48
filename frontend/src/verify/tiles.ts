// C2SP tlog-tiles: the hashes and entries of a log in files of 256, and a whole log checked from the root down, so that
// what does not fit is at fault itself, and is named. As src/openleo/ledger/tiles.py does it, with the same verdicts.

import * as merkle from "./merkle";
import { NotProven, same, type Bytes } from "./text";

/** The bytes of a path below the log's prefix; throws NotProven "missing" where there is no such file. */
export type Fetch = (path: string) => Promise<Bytes>;
export type Progress = (done: number, of: number) => void;
export interface Tile {
  level: number;
  number: number;
  width: number;
}

export const WIDTH = 256;
export const ENTRIES = -1; // the "level" of bundles of entries
const HASH_BYTES = 32;
const HEIGHT = 8;
const LEVELS = 7; // 256^7 is above 2^53

export function pathOf({ level, number, width }: Tile): string {
  const groups = [String(number % 1000).padStart(3, "0")];
  for (let rest = Math.floor(number / 1000); rest > 0; rest = Math.floor(rest / 1000)) groups.push(`x${String(rest % 1000).padStart(3, "0")}`);
  return `tile/${level === ENTRIES ? "entries" : level}/${groups.reverse().join("/")}${width === WIDTH ? "" : `.p/${width}`}`;
}

/** The tile that holds something of a tree of a size. */
export function tileOf(level: number, number: number, size: number): Tile {
  const there = Math.floor(size / WIDTH ** Math.max(level, 0)) - number * WIDTH;
  return { level, number, width: Math.min(WIDTH, there) };
}

/** The partial tiles of a tree, the highest level first: together their hashes cover it once. */
export function partialTiles(size: number): Tile[] {
  return Array.from({ length: LEVELS }, (_, level) => {
    const units = Math.floor(size / WIDTH ** level);
    return { level, number: Math.floor(units / WIDTH), width: units % WIDTH };
  }).reverse().filter(({ width }) => width > 0);
}

export function splitHashes(data: Bytes, tile: Tile): Bytes[] {
  if (data.length !== tile.width * HASH_BYTES) {
    throw new NotProven({ kind: "tile-length", path: pathOf(tile), bytes: data.length, width: tile.width }, firstOf(tile));
  }
  return Array.from({ length: tile.width }, (_, at) => data.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES));
}

/** The entries of a bundle as far as its lengths go, and whether they end where it ends. */
function cut(data: Bytes): [Bytes[], boolean] {
  const entries: Bytes[] = [];
  let at = 0;
  while (at + 2 <= data.length) {
    const start = at + 2;
    at = start + data[at]! * 256 + data[at + 1]!;
    entries.push(data.slice(start, at));
  }
  return [entries, at === data.length];
}

const unfit = (tile: Tile) => new NotProven({ kind: "bundle", path: pathOf(tile), width: tile.width }, firstOf(tile));

export function entriesOf(data: Bytes, tile: Tile): Bytes[] {
  const [entries, whole] = cut(data);
  if (entries.length !== tile.width || !whole) throw unfit(tile);
  return entries;
}

/** The number of the first entry under a tile. */
export function firstOf({ level, number }: Tile): number {
  return number * WIDTH ** (Math.max(level, 0) + 1);
}

/** A tile's bytes. A partial one that is gone is cut from the full one that took its place. */
async function readTile(fetch: Fetch, tile: Tile): Promise<Bytes> {
  try {
    return await fetch(pathOf(tile));
  } catch (error) {
    const gone = error instanceof NotProven && error.reason.kind === "missing";
    if (!gone) throw error;
    if (tile.width === WIDTH) throw new NotProven(error.reason, firstOf(tile));
    const full = { ...tile, width: WIDTH };
    const whole = await readTile(fetch, full);
    return tile.level === ENTRIES ? bundle(entriesOf(whole, full).slice(0, tile.width)) : whole.slice(0, tile.width * HASH_BYTES);
  }
}

function bundle(entries: Bytes[]): Bytes {
  return Uint8Array.from(entries.flatMap((one) => [one.length >> 8, one.length & 255, ...one]));
}

export const readHashes = async (fetch: Fetch, tile: Tile) => splitHashes(await readTile(fetch, tile), tile);
export const readEntries = async (fetch: Fetch, tile: Tile) => entriesOf(await readTile(fetch, tile), tile);

/** A hash reader over tiles as they are read; what they say is not believed before it hashes to the root. */
export function hashesOf(fetch: Fetch, size: number): merkle.HashReader {
  const kept = new Map<string, Promise<Bytes[]>>();
  const row = async (level: number, number: number, low: number): Promise<Bytes[]> => {
    const name = `${level}/${number}/${low}`;
    const made = low === 0 ? () => readHashes(fetch, tileOf(level, number, size)) : async () => merkle.pairs(await row(level, number, low - 1));
    if (!kept.has(name)) kept.set(name, made());
    return kept.get(name)!;
  };
  return async (level, index) => {
    const [high, low] = [Math.floor(level / HEIGHT), level % HEIGHT];
    const perTile = 2 ** (HEIGHT - low);
    return (await row(high, Math.floor(index / perTile), low))[index % perTile]!;
  };
}

// --- a whole log ----------------------------------------------------------------------------------------------------

/** Every entry of a log, bundle by bundle, each only after it was found to hash to the root. Throws NotProven. */
export async function* checkLog(fetch: Fetch, size: number, root: Bytes, progress?: Progress): AsyncGenerator<Bytes[]> {
  let done = 0;
  for await (const [tile, hashes] of provenLeaves(fetch, size, root)) {
    const entries = await provenEntries(fetch, { ...tile, level: ENTRIES }, hashes, size);
    done += entries.length;
    progress?.(done, size);
    yield entries;
  }
}

async function provenEntries(fetch: Fetch, tile: Tile, hashes: Bytes[], size: number): Promise<Bytes[]> {
  const data = await readTile(fetch, tile);
  const [entries, whole] = cut(data);
  const fits = whole && entries.length === tile.width;
  const found = await merkle.leafHashes(entries.slice(0, hashes.length));
  const wrong = found.findIndex((hash, at) => !same(hash, hashes[at]!));
  // A length that was altered: what stands before it still shows which.
  if (wrong >= 0) throw new NotProven({ kind: "entry", entry: firstOf(tile) + wrong, size }, firstOf(tile) + wrong);
  if (!fits) throw new NotProven(unfit(tile).reason, firstOf(tile) + Math.min(entries.length, hashes.length - 1));
  return entries;
}

async function* provenLeaves(fetch: Fetch, size: number, root: Bytes): AsyncGenerator<[Tile, Bytes[]]> {
  const edges: [Tile, Bytes[]][] = [];
  for (const tile of partialTiles(size)) edges.push([tile, await readHashes(fetch, tile)]);
  const atEdge: merkle.HashReader = (level, index) => {
    const [high, low] = [Math.floor(level / HEIGHT), level % HEIGHT];
    const [tile, hashes] = edges.find(([one]) => one.level === high)!;
    const first = index * 2 ** low - tile.number * WIDTH;
    return merkle.fold(hashes.slice(first, first + 2 ** low));
  };
  if (!same(await merkle.root(atEdge, size), root)) throw await whyNotTheRoot(fetch, size, root);
  for (const [tile, hashes] of edges) yield* below(fetch, tile, hashes);
}

async function* below(fetch: Fetch, tile: Tile, hashes: Bytes[]): AsyncGenerator<[Tile, Bytes[]]> {
  if (tile.level === 0) {
    yield [tile, hashes];
    return;
  }
  for (const [at, expected] of hashes.entries()) {
    const lower = { level: tile.level - 1, number: tile.number * WIDTH + at, width: WIDTH };
    const found = await readHashes(fetch, lower);
    if (!same(await merkle.fold(found), expected)) throw await tileAtFault(fetch, lower, found, expected);
    yield* below(fetch, lower, found);
  }
}

/** Of a wrong tile of leaf hashes, the entry, if the entries themselves are right or the tile tells. */
async function tileAtFault(fetch: Fetch, tile: Tile, found: Bytes[], expected: Bytes): Promise<NotProven> {
  const [path, first] = [pathOf(tile), firstOf(tile)];
  const last = first + WIDTH ** (tile.level + 1) - 1;
  if (tile.level > 0) return new NotProven({ kind: "tile", path, first, last }, first);
  const leaves = await merkle.leafHashes(await readEntries(fetch, { ...tile, level: ENTRIES }));
  const differs = leaves.findIndex((leaf, at) => !same(leaf, found[at]!));
  if (differs >= 0 && same(await merkle.fold(leaves), expected)) {
    return new NotProven({ kind: "leaf", path, entry: first + differs }, first + differs);
  }
  return new NotProven({ kind: "among", path, first, last }, first);
}

/** The root is made of the partial tiles: either these or the checkpoint is wrong, and the entries tell which. */
async function whyNotTheRoot(fetch: Fetch, size: number, root: Bytes): Promise<NotProven> {
  const leaves: Bytes[] = [];
  try {
    for (let number = 0; number * WIDTH < size; number++) {
      leaves.push(...(await merkle.leafHashes(await readEntries(fetch, tileOf(ENTRIES, number, size)))));
    }
  } catch (error) {
    if (error instanceof NotProven) return new NotProven({ kind: "unread", reason: error.reason });
    throw error;
  }
  const read: merkle.HashReader = (level, index) => merkle.fold(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level));
  if (!same(await merkle.root(read, size), root)) return new NotProven({ kind: "root", size });
  // Partial tiles were altered under entries that are right: which entry's, where it is their leaf hashes.
  const edge = tileOf(0, Math.floor(size / WIDTH), size);
  const found = edge.width > 0 ? await readHashes(fetch, edge) : [];
  const wrong = found.findIndex((hash, at) => !same(hash, leaves[firstOf(edge) + at]!));
  const entry = firstOf(edge) + wrong;
  return wrong < 0 ? new NotProven({ kind: "partial" }) : new NotProven({ kind: "leaf", path: pathOf(edge), entry }, entry);
}
