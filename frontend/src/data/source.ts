// Where the page has its data from: the document itself (offline), or the server that it came from.

import { eventReader, waitMs, type ServerEvent } from "./events";
import { offline } from "./offline";
import { readCells, readPlan, type Plan } from "./plan";
import type { Scene } from "./scene";

/** What went wrong, in a word that `words` has a sentence for, and what the server said. */
export class Trouble extends Error {
  constructor(
    readonly kind: "unreachable" | "unauthorised" | "no-plan" | "gone" | "server" | "unreadable",
    readonly status = 0,
  ) {
    super(kind);
  }
}

export interface Source {
  offline: boolean;
  /** When a computed run begins and ends. */
  span_ms?: [number, number];
  scene(): Promise<Scene>;
  cells(): Promise<string[]>;
  current(cells: number): Promise<Plan>;
  /** A slot's plan; a Trouble "gone" where none is kept. */
  plan(number: number, cells: number): Promise<Plan>;
  /** Gives a way to listen again at once, where it is waiting to. */
  follow(told: (event: ServerEvent) => void, state: (live: boolean, trouble?: Trouble) => void): () => void;
}

export function sourceOf(document: Document, token: () => string): Source {
  const embedded = document.getElementById("openleo-data");
  return embedded ? held(embedded.textContent ?? "") : online(token);
}

/** What a document holds; one that holds nothing that can be read says so when it is asked. */
function held(text: string): Source {
  try {
    return offline(text);
  } catch {
    const no = () => Promise.reject(new Trouble("unreadable"));
    return { offline: true, scene: no, cells: no, current: no, plan: no, follow: () => () => undefined };
  }
}

export function online(token: () => string): Source {
  const headers = (more: Record<string, string> = {}) => (token() ? { Authorization: `Bearer ${token()}`, ...more } : more);
  const ask = async (path: string, more?: Record<string, string>): Promise<Response> => {
    const answer = await fetch(path, { headers: headers(more) }).catch(() => {
      throw new Trouble("unreachable");
    });
    if (answer.ok) return answer;
    throw troubleOf(answer.status, await typeOf(answer));
  };
  /** All of an answer; an answer that ends before its end was cut off. */
  const whole = async <T>(path: string, read: (answer: Response) => Promise<T>): Promise<T> => {
    const answer = await ask(path);
    return read(answer).catch((error: unknown) => {
      throw new Trouble(error instanceof SyntaxError ? "unreadable" : "unreachable");
    });
  };
  const bytes = async (path: string) => new Uint8Array(await whole(path, (answer) => answer.arrayBuffer()));
  const json = (path: string) => whole<unknown>(path, (answer) => answer.json());
  const plan = async (number: number | string, cells: number) =>
    read(await bytes(`v1/slots/${number}/cells.arrow?rounded=true`), (content) => readPlan(content, cells));
  return {
    offline: false,
    scene: async () => sceneOf(await json("v1/network")),
    cells: async () => read(await bytes("v1/cells.arrow"), readCells),
    current: async (cells) => plan(slotOf(await json("v1/slots/current")), cells),
    plan,
    follow: (told, state) => {
      const pause = pauseOf();
      void follow(ask, told, state, pause.wait);
      return pause.end;
    },
  };
}

function read<T>(content: Uint8Array, by: (content: Uint8Array) => T): T {
  try {
    return by(content);
  } catch {
    throw new Trouble("unreadable");
  }
}

function sceneOf(said: unknown): Scene {
  if ((said as Scene | null)?.form !== "openleo-scene@v1") throw new Trouble("unreadable");
  return said as Scene;
}

function slotOf(said: unknown): string {
  const { number } = (said ?? {}) as { number?: unknown };
  if (typeof number !== "string" || !/^\d+$/.test(number)) throw new Trouble("unreadable");
  return number;
}

/** What a problem (RFC 9457) calls itself; empty where the answer is none. */
async function typeOf(answer: Response): Promise<string> {
  const said = (await answer.json().catch(() => null)) as { type?: unknown } | null;
  return typeof said?.type === "string" ? said.type : "";
}

const NO_PLAN = "urn:openleo:problem:no-plan"; // openleo.controller.problems

export function troubleOf(status: number, type = ""): Trouble {
  if (status === 401 || status === 403) return new Trouble("unauthorised", status);
  if (status === 404) return new Trouble("gone", status);
  if (status === 503 && type === NO_PLAN) return new Trouble("no-plan", status);
  return new Trouble("server", status);
}

/** A wait that somebody may end. Where nobody waits, the next wait is ended: a question is under way then, with the
 * token of before. */
export function pauseOf(): { wait: (ms: number) => Promise<void>; end: () => void } {
  let ended = false;
  let done: (() => void) | null = null;
  return {
    wait: (ms) =>
      new Promise((go) => {
        const timer = setTimeout(() => done?.(), ended ? 0 : ms);
        ended = false;
        done = () => {
          clearTimeout(timer);
          done = null;
          go();
        };
      }),
    end: () => (done ? done() : void (ended = true)),
  };
}

/** For ever: listens, and comes back with the id of the last event that it has. */
async function follow(
  ask: (path: string, more?: Record<string, string>) => Promise<Response>,
  told: (event: ServerEvent) => void,
  state: (live: boolean, trouble?: Trouble) => void,
  pause: (ms: number) => Promise<void>,
): Promise<never> {
  let last = "";
  for (let tries = 0; ; tries++) {
    try {
      const answer = await ask("v1/events", last ? { "Last-Event-ID": last } : {});
      state(true);
      tries = 0;
      const feed = eventReader((event) => {
        last = event.id || last;
        told(event);
      });
      const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) feed(piece.value);
      state(false);
    } catch (error) {
      state(false, error instanceof Trouble ? error : new Trouble("unreachable"));
    }
    await pause(waitMs(tries, Math.random()));
  }
}
