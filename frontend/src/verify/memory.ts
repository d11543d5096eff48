// What this browser keeps: the last checkpoint that it verified, of each log and key; and keys to trust, until the tab is
// closed.

import type { Memory } from "./check";
import { fromBase64, toBase64 } from "./text";

const KEYS = "openleo-verifier-keys";
const LAST = "openleo-ledger-last";
const nameOf = (origin: string, log: string) => `openleo-ledger ${origin} ${log}`;

export function memoryOf(kept: () => Storage): Memory {
  return {
    seen(origin, log) {
      try {
        const { size, root } = JSON.parse(kept().getItem(nameOf(origin, log)) ?? "null") as { size: number; root: string };
        return Number.isSafeInteger(size) ? { size, root: fromBase64(root, "checkpoint") } : null;
      } catch {
        return null; // nothing is kept, or nothing that can be read
      }
    },
    last() {
      try {
        return kept().getItem(LAST);
      } catch {
        return null;
      }
    },
    remember(origin, log, { size, root }) {
      try {
        kept().setItem(nameOf(origin, log), JSON.stringify({ size, root: toBase64(root) }));
        kept().setItem(LAST, `${origin}+${log}`);
      } catch {
        // Who forbids the page to remember is told each time that this is the first checkpoint that it saw.
      }
    },
  };
}

export const keysText = () => sessionStorage.getItem(KEYS) ?? "";
export const keepKeys = (text: string) => sessionStorage.setItem(KEYS, text);
export const keysOf = (text: string) => text.split("\n").map((one) => one.trim()).filter(Boolean);
