// The Merkle tree of RFC 6962 §2.1, and its proofs, made of hashes that are read and checked as RFC 9162 §2.1.3.2 and
// §2.1.4.2 say. Sizes are numbers up to 2^53, so halves are divisions: JavaScript's shifts end at 2^31.

import { NotProven, joined, same, type Bytes } from "./text";

/** The hash over the 2^level entries from index · 2^level on. */
export type HashReader = (level: number, index: number) => Promise<Bytes>;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const half = (value: number) => Math.floor(value / 2);

export async function sha256(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}
/** Its prefix keeps an entry's hash apart from every node's. */
export const leafHash = (entry: Uint8Array) => sha256(joined(LEAF, entry));
export const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(joined(NODE, left, right));
export const leafHashes = (entries: Uint8Array[]) => Promise.all(entries.map(leafHash));

/** The root of a complete subtree from its 2^k hashes. */
export async function fold(hashes: Bytes[]): Promise<Bytes> {
  let row = hashes;
  while (row.length > 1) row = await pairs(row);
  return row[0]!;
}

/** The row above one: of two hashes each, the node; a last one without a pair is left out. */
export function pairs(row: Bytes[]): Promise<Bytes[]> {
  return Promise.all(Array.from({ length: half(row.length) }, (_, at) => nodeHash(row[2 * at]!, row[2 * at + 1]!)));
}

/** MTH(D[first:end]); `first` is a multiple of a power of two no smaller than the range, as in every proof. */
export async function subtree(read: HashReader, first: number, end: number): Promise<Bytes> {
  if (first === end) return sha256(new Uint8Array());
  const peaks: Bytes[] = [];
  let at = first;
  for (let level = 52; level >= 0; level--) {
    if (Math.floor((end - first) / 2 ** level) % 2 === 1) {
      peaks.push(await read(level, Math.floor(at / 2 ** level)));
      at += 2 ** level;
    }
  }
  let whole = peaks.pop()!;
  while (peaks.length > 0) whole = await nodeHash(peaks.pop()!, whole);
  return whole;
}

export const root = (read: HashReader, size: number) => subtree(read, 0, size);

/** The largest power of two below a size above 1. */
export function split(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}

/** PATH(index, D[0:size]) of RFC 6962 §2.1.1, from the leaf's sibling up. */
export async function inclusionProof(read: HashReader, index: number, size: number): Promise<Bytes[]> {
  if (!(index >= 0 && index < size)) throw new NotProven({ kind: "outside", entry: index, size }, index);
  const path: Bytes[] = [];
  for (let first = 0, end = size; end - first > 1; ) {
    const middle = first + split(end - first);
    path.push(await (index < middle ? subtree(read, middle, end) : subtree(read, first, middle)));
    if (index < middle) end = middle;
    else first = middle;
  }
  return path.reverse();
}

/** PROOF(old, D[0:new]) of RFC 6962 §2.1.2. */
export async function consistencyProof(read: HashReader, old: number, size: number): Promise<Bytes[]> {
  const path: Bytes[] = [];
  let [first, end, whole] = [0, size, true];
  while (old < end) {
    const middle = first + split(end - first);
    if (old <= middle) {
      path.push(await subtree(read, middle, end));
      end = middle;
    } else {
      path.push(await subtree(read, first, middle));
      [first, whole] = [middle, false];
    }
  }
  if (!whole) path.push(await subtree(read, first, end));
  return path.reverse();
}

/** Throws unless the leaf hash stands at `index` of the tree of that size and root. */
export async function checkInclusion(index: number, size: number, leaf: Bytes, proof: Bytes[], rootHash: Bytes): Promise<void> {
  if (!(index >= 0 && index < size)) throw new NotProven({ kind: "outside", entry: index, size }, index);
  let [at, last, made] = [index, size - 1, leaf];
  for (const step of proof) {
    if (last === 0) throw new NotProven({ kind: "proof-length" }, index);
    if (at % 2 === 1 || at === last) {
      made = await nodeHash(step, made);
      while (at !== 0 && at % 2 === 0) [at, last] = [half(at), half(last)];
    } else {
      made = await nodeHash(made, step);
    }
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0) throw new NotProven({ kind: "proof-length" }, index);
  if (!same(made, rootHash)) throw new NotProven({ kind: "not-under-root", entry: index }, index);
}

/** Throws unless the larger tree begins with the smaller one. */
export async function checkConsistency(old: number, size: number, oldRoot: Bytes, newRoot: Bytes, proof: Bytes[]): Promise<void> {
  if (!(old > 0 && old <= size)) throw new NotProven({ kind: "shorter", size, seen: old });
  if (old === size) {
    if (proof.length > 0) throw new NotProven({ kind: "proof-length" });
    if (!same(oldRoot, newRoot)) throw new NotProven({ kind: "two-roots", size });
    return;
  }
  const isPower = split(old + 1) === old;
  const [begin, ...steps] = isPower ? [oldRoot, ...proof] : proof;
  if (begin === undefined) throw new NotProven({ kind: "proof-length" });
  let [at, last] = [old - 1, size - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  let [before, after] = [begin, begin];
  for (const step of steps) {
    if (last === 0) throw new NotProven({ kind: "proof-length" });
    if (at % 2 === 1 || at === last) {
      [before, after] = await Promise.all([nodeHash(step, before), nodeHash(step, after)]);
      while (at !== 0 && at % 2 === 0) [at, last] = [half(at), half(last)];
    } else {
      after = await nodeHash(after, step);
    }
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0) throw new NotProven({ kind: "proof-length" });
  if (!same(before, oldRoot) || !same(after, newRoot)) throw new NotProven({ kind: "other-history", size, seen: old });
}
