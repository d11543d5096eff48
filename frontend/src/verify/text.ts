// The few spellings that all formats of the ledger share, and why something does not hold. One spelling for each value:
// what reads the same though it was altered would not be seen.

export type Bytes = Uint8Array<ArrayBuffer>;

/** Why the ledger is not what it should be; the page's words say each in a sentence. */
export type Reason =
  | { kind: "malformed"; what: string }
  | { kind: "missing"; path: string }
  | { kind: "tile-length"; path: string; bytes: number; width: number }
  | { kind: "bundle"; path: string; width: number }
  | { kind: "entry"; entry: number; size: number }
  | { kind: "leaf"; path: string; entry: number }
  | { kind: "among"; path: string; first: number; last: number }
  | { kind: "tile"; path: string; first: number; last: number }
  | { kind: "partial" }
  | { kind: "unread"; reason: Reason }
  | { kind: "root"; size: number }
  | { kind: "not-under-root"; entry: number }
  | { kind: "outside"; entry: number; size: number }
  | { kind: "proof-length" }
  | { kind: "signature"; name: string }
  | { kind: "unsigned"; origin: string; trusted: string }
  | { kind: "two-roots"; size: number }
  | { kind: "shorter"; size: number; seen: number }
  | { kind: "other-history"; size: number; seen: number };

/** What was read and does not hold. `entry`: the one at fault, or the first of those among which it is. */
export class NotProven extends Error {
  constructor(
    readonly reason: Reason,
    readonly entry: number | null = null,
  ) {
    super(reason.kind);
  }
}

export const malformed = (what: string) => new NotProven({ kind: "malformed", what });

export function fromBase64(text: string, what: string): Bytes {
  let data: Bytes;
  try {
    data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    throw malformed(what);
  }
  if (toBase64(data) !== text) throw malformed(what);
  return data;
}

export function toBase64(data: Uint8Array): string {
  return btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""));
}

export function toHex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A size: digits without a leading zero, that a number of JavaScript holds exactly. */
export function decimal(text: string, what: string): number {
  const value = Number(text);
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text) || !Number.isSafeInteger(value)) throw malformed(what);
  return value;
}

/** Text without control characters other than newlines. */
export function utf8(data: Uint8Array, what: string): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw malformed(what);
  }
  if (/[\x00-\x09\x0b-\x1f]/.test(text)) throw malformed(what);
  return text;
}

export const bytesOf = (text: string): Bytes => new TextEncoder().encode(text) as Bytes;

export function joined(...parts: Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of parts) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
}

export function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
