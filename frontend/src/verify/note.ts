// What the log and its witnesses signed: C2SP signed-note, tlog-checkpoint and tlog-cosignature, over WebCrypto's Ed25519.

import { sha256 } from "./merkle";
import { NotProven, bytesOf, decimal, fromBase64, joined, malformed, same, toHex, utf8, type Bytes } from "./text";

export const ED25519 = 1; // over the text of a note
export const COSIGNATURE = 4; // Ed25519 with a time, over a checkpoint
export const ML_DSA_44 = 6; // known, and not checked here: browsers do not have it
const PUBLIC_BYTES: { [type: number]: number } = { [ED25519]: 32, [COSIGNATURE]: 32, [ML_DSA_44]: 1312 };
const NOTE_BYTES_MAX = 1_000_000;
const SIGNATURES_MAX = 100;
const ID_BYTES = 4;
const TIME_BYTES = 8;
const DASH = "\u2014 ";

export interface VerifierKey {
  name: string;
  type: number;
  public: Bytes;
  id: Bytes;
  text: string;
}
export interface Line {
  name: string;
  id: Bytes;
  value: Bytes;
}
export interface Checkpoint {
  origin: string;
  size: number;
  root: Bytes;
  body: string; // the text that is signed
  lines: Line[];
}
/** A signature that holds: whose, and for a cosignature its time (POSIX seconds). */
export interface Seal {
  key: VerifierKey;
  time_s: number | null;
}
export interface Opened {
  checkpoint: Checkpoint;
  log: VerifierKey;
  witnesses: Seal[];
  unchecked: VerifierKey[]; // known keys of an algorithm that browsers do not have; they count for nothing
  strangers: string[]; // names of signatures by nobody who is known here
}

const isName = (text: string) => text !== "" && !/[+\s\x00-\x1f]/u.test(text);

/** NAME+KEYID+base64(type ‖ public key). */
export async function parseVerifier(text: string): Promise<VerifierKey> {
  const [name, id, ...rest] = text.split("+");
  const encoded = rest.join("+");
  if (!name || !id || !encoded || !isName(name)) throw malformed("key");
  const data = fromBase64(encoded, "key");
  const type = data[0] ?? 0;
  if (data.length - 1 !== PUBLIC_BYTES[type]) throw malformed("key");
  const made = (await sha256(joined(bytesOf(`${name}\n`), data))).slice(0, ID_BYTES);
  if (toHex(made) !== id) throw malformed("key");
  return { name, type, public: data.slice(1), id: made, text };
}

/** A signed checkpoint, whose signatures nobody has looked at yet. */
export function parseCheckpoint(data: Uint8Array): Checkpoint {
  if (data.length > NOTE_BYTES_MAX) throw malformed("checkpoint");
  const whole = utf8(data, "checkpoint");
  const at = whole.lastIndexOf("\n\n");
  if (at < 0 || at + 2 === whole.length) throw malformed("checkpoint");
  const body = whole.slice(0, at + 1);
  const signed = whole.slice(at + 2).split("\n");
  if (signed.pop() !== "" || signed.length === 0 || signed.length > SIGNATURES_MAX) throw malformed("checkpoint");
  const lines = body.split("\n");
  if (lines.length < 4 || lines.pop() !== "" || !lines.every(Boolean)) throw malformed("checkpoint");
  const root = fromBase64(lines[2]!, "checkpoint");
  if (root.length !== 32) throw malformed("checkpoint");
  return { origin: lines[0]!, size: decimal(lines[1]!, "checkpoint"), root, body, lines: signed.map(lineOf) };
}

function lineOf(text: string): Line {
  const [name, encoded, ...more] = text.slice(DASH.length).split(" ");
  if (!text.startsWith(DASH) || !name || !encoded || more.length > 0 || !isName(name)) throw malformed("checkpoint");
  const data = fromBase64(encoded, "checkpoint");
  if (data.length <= ID_BYTES) throw malformed("checkpoint");
  return { name, id: data.slice(0, ID_BYTES), value: data.slice(ID_BYTES) };
}

/** A checkpoint that the log signed, and who else did. A line of a known key that does not hold: it was tampered with. */
export async function openCheckpoint(data: Uint8Array, log: VerifierKey, witnesses: VerifierKey[]): Promise<Opened> {
  const checkpoint = parseCheckpoint(data);
  const seals = new Map<string, Seal>();
  const [unchecked, strangers] = [new Set<VerifierKey>(), new Set<string>()];
  for (const line of checkpoint.lines) {
    const key = [log, ...witnesses].find((one) => one.name === line.name && same(one.id, line.id));
    if (!key) strangers.add(line.name);
    else if (key.type === ML_DSA_44) unchecked.add(key);
    else {
      const seal = await sealOf(key, checkpoint, line);
      if (!seal) throw new NotProven({ kind: "signature", name: key.name });
      if ((seal.time_s ?? 0) >= (seals.get(key.text)?.time_s ?? 0)) seals.set(key.text, seal);
    }
  }
  if (!seals.has(log.text) || log.name !== checkpoint.origin) {
    throw new NotProven({ kind: "unsigned", origin: checkpoint.origin, trusted: `${log.name}+${toHex(log.id)}` });
  }
  const cosigned = [...seals.values()].filter(({ key }) => key.text !== log.text && key.type === COSIGNATURE);
  return { checkpoint, log, witnesses: cosigned, unchecked: [...unchecked], strangers: [...strangers] };
}

async function sealOf(key: VerifierKey, checkpoint: Checkpoint, line: Line): Promise<Seal | null> {
  if (key.type === ED25519) return (await verifies(key, bytesOf(checkpoint.body), line.value)) ? { key, time_s: null } : null;
  if (line.value.length !== TIME_BYTES + 64) return null;
  const time = new DataView(line.value.buffer, line.value.byteOffset).getBigUint64(0);
  const message = bytesOf(`cosignature/v1\ntime ${time}\n${checkpoint.body}`);
  return (await verifies(key, message, line.value.slice(TIME_BYTES))) ? { key, time_s: Number(time) } : null;
}

async function verifies(key: VerifierKey, message: Bytes, signature: Bytes): Promise<boolean> {
  if (signature.length !== 64) return false;
  const held = await crypto.subtle.importKey("raw", key.public, "Ed25519", false, ["verify"]).catch(() => null);
  return held !== null && crypto.subtle.verify("Ed25519", held, signature, message);
}

/** What this browser lacks to verify anything: "" where nothing. Over http, only a page of this machine has WebCrypto. */
export async function lacking(): Promise<"" | "subtle" | "ed25519"> {
  if (!globalThis.crypto?.subtle) return "subtle";
  const base = fromBase64("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "key"); // RFC 8032, test 1
  return crypto.subtle.importKey("raw", base, "Ed25519", false, ["verify"]).then(() => "" as const, () => "ed25519" as const);
}

/** The keys of witnesses in a tlog-policy. */
export async function witnessesOf(policy: string): Promise<VerifierKey[]> {
  const texts = policy.split("\n").map((line) => /^\s*witness\s+\S+\s+(\S+)/.exec(line)?.[1]).filter((one) => one !== undefined);
  return Promise.all(texts.map(parseVerifier));
}

