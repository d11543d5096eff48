// A computed run that the page holds itself (openleo.console.offline): some of its slots, and all of them as one.

import { readCells, readPlan, type Plan } from "./plan";
import { slotAt, type Scene } from "./scene";
import { Trouble, type Source } from "./source";

export const FORM = "openleo-run@v1";

/** Text is base64 of gzip; slots stand in their order, `every` apart. */
interface Embedded {
  form: string;
  scene: string;
  cells: string;
  whole: string;
  slots: string[];
  every: number;
  span_ms: [number, number];
}

export function offline(text: string): Source {
  const data = JSON.parse(text) as Embedded;
  if (data.form !== FORM) throw new Trouble("unreadable");
  const scene = once(async () => JSON.parse(new TextDecoder().decode(await unpacked(data.scene))) as Scene);
  const plan = async (packed: string, cells: number): Promise<Plan> => {
    try {
      return readPlan(await unpacked(packed), cells);
    } catch {
      throw new Trouble("unreadable");
    }
  };
  return {
    offline: true,
    span_ms: data.span_ms,
    scene,
    cells: async () => readCells(await unpacked(data.cells)),
    current: (cells) => plan(data.whole, cells),
    plan: async (number, cells) => {
      const first = slotAt(await scene(), data.span_ms[0]);
      // What is shown of slots that were not kept is the last kept one before them, which says when it began.
      const packed = data.slots[Math.min(Math.floor((number - first) / data.every), data.slots.length - 1)];
      if (packed === undefined) throw new Trouble("gone");
      return plan(packed, cells);
    },
    follow: () => () => undefined,
  };
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

async function unpacked(base64: string): Promise<Uint8Array> {
  const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
