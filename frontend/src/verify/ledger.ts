// The ledger as this page checks it: the checkpoint that is signed, entries that stand under it, that it goes on from
// what this browser saw before, and all of it.

import { checkConsistency, checkInclusion, consistencyProof, inclusionProof, leafHash, root } from "./merkle";
import type { Checkpoint } from "./note";
import { ENTRIES, WIDTH, checkLog, hashesOf, readEntries, readHashes, tileOf, type Fetch, type Progress } from "./tiles";
import { NotProven, same, type Bytes } from "./text";

/** A checkpoint that was seen before. */
export interface Seen {
  size: number;
  root: Bytes;
}

/** An entry, after it was found to stand under the root. */
export async function provenEntry(fetch: Fetch, { size, root: under }: Checkpoint, index: number): Promise<Bytes> {
  if (!(index >= 0 && index < size)) throw new NotProven({ kind: "outside", entry: index, size }, index);
  const number = Math.floor(index / WIDTH);
  const at = index % WIDTH;
  const hash = (await readHashes(fetch, tileOf(0, number, size)))[at]!;
  const proof = await inclusionProof(hashesOf(fetch, size), index, size);
  await checkInclusion(index, size, hash, proof, under);
  const entries = await readEntries(fetch, tileOf(ENTRIES, number, size)).catch((error: unknown) => {
    throw error instanceof NotProven && error.reason.kind === "bundle" ? new NotProven(error.reason, index) : error;
  });
  if (!same(await leafHash(entries[at]!), hash)) throw new NotProven({ kind: "entry", entry: index, size }, index);
  return entries[at]!;
}

/** Throws unless a checkpoint goes on from one that was seen before. */
export async function goesOn(fetch: Fetch, seen: Seen, now: Checkpoint): Promise<void> {
  if (seen.size > now.size) throw new NotProven({ kind: "shorter", size: now.size, seen: seen.size });
  if (seen.size === 0) return;
  const proof = await consistencyProof(hashesOf(fetch, now.size), seen.size, now.size);
  try {
    await checkConsistency(seen.size, now.size, seen.root, now.root, proof);
  } catch (error) {
    // Tiles that were altered make a wrong proof of a right history: whose fault it is, the entries tell.
    if (!(error instanceof NotProven) || seen.size === now.size) throw error;
    if (!same(await root(hashesOf(fetch, now.size), now.size), now.root)) await wholeLog(fetch, now);
    throw error;
  }
}

/** Every entry recomputed up to the root. `follow`: each entry, as it is found to be right. */
export async function wholeLog(fetch: Fetch, now: Checkpoint, progress?: Progress, follow?: (index: number, entry: Bytes) => void): Promise<void> {
  let index = 0;
  for await (const entries of checkLog(fetch, now.size, now.root, progress)) {
    for (const entry of entries) follow?.(index++, entry);
  }
}
