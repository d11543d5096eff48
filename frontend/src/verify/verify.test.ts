// The page's verifier says what our own says, of the same ledger and the same ways to tamper with it
// (tools/build_ledger_fixture.py).

import { memoryOf } from "./memory";
import { expect, test } from "vitest";
import en from "../words/en";
import fixture from "./ledger.fixture.json";
import { goesOn, provenEntry, wholeLog } from "./ledger";
import { root } from "./merkle";
import { lacking, openCheckpoint, parseCheckpoint, parseVerifier, witnessesOf } from "./note";
import { NotProven, bytesOf, fromBase64, type Bytes } from "./text";
import { ENTRIES, hashesOf, pathOf, tileOf } from "./tiles";
import { inWords } from "./words";

type Files = { [path: string]: string | null };

const fetchOf = (files: Files) => async (path: string): Promise<Bytes> => {
  const found = files[path];
  if (found === undefined || found === null) throw new NotProven({ kind: "missing", path });
  return fromBase64(found, "file");
};
const log = () => parseVerifier(fixture.log);
const opened = async (files: Files) => (await openCheckpoint(fromBase64(files["checkpoint"]!, "file"), await log(), [await parseVerifier(fixture.witness)])).checkpoint;

async function verdict(check: () => Promise<unknown>): Promise<object> {
  try {
    await check();
  } catch (error) {
    if (!(error instanceof NotProven)) throw error;
    if (error.reason.kind === "malformed") return { says: "malformed", entry: null };
    return { says: inWords(en, error.reason), entry: error.entry };
  }
  return {};
}

test.each(fixture.cases)("$name", async ({ files, verdict: expected }) => {
  const all: Files = { ...fixture.files, ...(files as unknown as Files) };
  expect(await verdict(async () => wholeLog(fetchOf(all), await opened(all)))).toEqual(expected);
});

test("entries are given in order, as they are proved", async () => {
  const entries: string[] = [];
  await wholeLog(fetchOf(fixture.files), await opened(fixture.files), undefined, (at, entry) => (entries[at] = new TextDecoder().decode(entry).trim()));
  expect(entries).toEqual(Array.from({ length: 300 }, (_, n) => `{"n":${n}}`));
});

test.each(fixture.earlier)("what was seen before: $size, $verdict.says", async ({ size, root, verdict: expected }) => {
  const seen = { size, root: fromBase64(root, "root") };
  expect(await verdict(async () => goesOn(fetchOf(fixture.files), seen, await opened(fixture.files)))).toEqual(expected);
});

test("a consistency proof of every size holds, and of another root does not", async () => {
  const now = await opened(fixture.files);
  const fetch = fetchOf(fixture.files);
  for (const size of [1, 2, 3, 7, 8, 100, 255, 257, 299]) {
    const seen = { size, root: await root(hashesOf(fetch, now.size), size) };
    await goesOn(fetch, seen, now);
    await expect(goesOn(fetch, { size, root: now.root }, now)).rejects.toThrow(NotProven);
  }
});

test("an entry stands under the root, and an altered one is named", async () => {
  const now = await opened(fixture.files);
  for (const { entry, verdict } of fixture.proved) {
    expect(verdict).toEqual({});
    expect(new TextDecoder().decode(await provenEntry(fetchOf(fixture.files), now, entry)).trim()).toBe(`{"n":${entry}}`);
  }
  const altered = fixture.cases.find(({ name }) => name === "a byte of entry 17")!.files as unknown as Files;
  const fetch = fetchOf({ ...fixture.files, ...altered });
  await provenEntry(fetch, now, 16);
  await expect(provenEntry(fetch, now, 17)).rejects.toMatchObject({ entry: 17 });
  await expect(provenEntry(fetch, now, 300)).rejects.toMatchObject({ reason: { kind: "outside" } });
});

test("who cosigned is told, with its time; strangers are not believed", async () => {
  const data = fromBase64(fixture.files.checkpoint, "file");
  const known = await openCheckpoint(data, await log(), [await parseVerifier(fixture.witness)]);
  expect(known.witnesses.map(({ key, time_s }) => [key.name, time_s])).toEqual([["witness.example", 1_795_000_000]]);
  const unknown = await openCheckpoint(data, await log(), []);
  expect([unknown.witnesses, unknown.strangers]).toEqual([[], ["witness.example"]]);
  expect((await witnessesOf(`witness w ${fixture.witness} https://w.example\nquorum w\n`)).map(({ text }) => text)).toEqual([fixture.witness]);
});

test("a key whose id is not its own is no key", async () => {
  await expect(parseVerifier(fixture.log.replace("+", "x+"))).rejects.toThrow(NotProven);
  await expect(parseVerifier(fixture.log.slice(0, -4))).rejects.toThrow(NotProven);
  await expect(parseVerifier("")).rejects.toThrow(NotProven);
});

test("tiles have the names of tlog-tiles", () => {
  expect(pathOf(tileOf(ENTRIES, 1, 300))).toBe("tile/entries/001.p/44");
  expect(pathOf({ level: 0, number: 1_234_067, width: 256 })).toBe("tile/0/x001/x234/067");
  expect(pathOf(tileOf(1, 0, 300))).toBe("tile/1/000.p/1");
});

test("a browser without Ed25519 is told apart from one without any cryptography", async () => {
  expect(await lacking()).toBe("");
  const { subtle } = crypto;
  const without = { importKey: () => Promise.reject(new DOMException("", "NotSupportedError")) };
  Object.defineProperty(crypto, "subtle", { value: without, configurable: true });
  expect(await lacking()).toBe("ed25519");
  Object.defineProperty(crypto, "subtle", { value: undefined, configurable: true });
  expect(await lacking()).toBe("subtle");
  Object.defineProperty(crypto, "subtle", { value: subtle, configurable: true });
});

test("a size that no number holds is refused", async () => {
  const note = (size: string) => bytesOf(`log\n${size}\n${"A".repeat(43)}=\n\n\u2014 log AAAAAAA=\n`);
  expect(parseCheckpoint(note("7")).size).toBe(7);
  for (const size of ["007", "-1", "1e3", "9007199254740993", ""]) expect(() => parseCheckpoint(note(size))).toThrow(NotProven);
});

test("a site's memory names the log that it showed last, whatever its name or key", () => {
  const kept = new Map<string, string>();
  const storage = { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, value: string) => void kept.set(name, value) };
  const memory = memoryOf(() => storage as unknown as Storage);
  expect([memory.last(), memory.seen("example.org/a", "01")]).toEqual([null, null]);
  memory.remember("example.org/a", "01", { size: 3, root: new Uint8Array(32) });
  expect(memory.last()).toBe("example.org/a+01");
  expect(memory.seen("example.org/a", "01")!.size).toBe(3);
  expect(memory.seen("example.org/a", "02")).toBeNull(); // another key: what is remembered says whose it was
  expect(memoryOf(() => { throw new Error("forbidden"); }).last()).toBeNull();
});
