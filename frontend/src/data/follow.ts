// The plan to show: the one in force now, kept up to date, or that of an instant somebody looks at.

import type { ServerEvent } from "./events";
import type { Plan } from "./plan";
import { slotAt, type Scene } from "./scene";
import { Trouble, type Source } from "./source";

const KEPT = 40; // plans of slots looked at last
const AFTER_BEGIN_MS = 700; // a plan is in force soon after its slot begins

export interface Followed {
  plan: Plan | null; // to show
  newest: Plan | null;
  live: boolean;
  trouble: Trouble | null;
}

export interface Follower {
  /** Look at an instant; null: at what is in force now. */
  look(atMs: number | null): void;
  /** Ask again at once, as with another token. */
  again(): void;
}

export function follower(
  source: Source,
  scene: Scene,
  cells: number,
  changed: (now: Followed) => void,
  heard: (event: ServerEvent) => void = () => undefined,
): Follower {
  const now: Followed = { plan: null, newest: null, live: false, trouble: null };
  const kept = new Map<number, Plan>();
  const gone = new Set<number>(); // what is no longer kept does not come back
  let looked: number | null = null; // the slot that somebody looks at
  let asking = false;
  let listen = () => undefined as void; // again at once, where it is waiting to

  const show = () => {
    const ahead = looked === null || (now.newest !== null && looked >= now.newest.number);
    now.plan = ahead ? now.newest : gone.has(looked!) ? null : (kept.get(looked!) ?? now.plan);
    // A plan that came in the meantime does not make up for the one that somebody looks at.
    if (looked !== null && gone.has(looked)) now.trouble = new Trouble("gone");
    else if (now.trouble?.kind === "gone") now.trouble = null;
    changed(now);
  };
  const keep = (plan: Plan, number: number) => {
    kept.delete(number);
    kept.set(number, plan);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
  };
  const tried = async (ask: () => Promise<Plan>, found: (plan: Plan) => void, number?: number) => {
    try {
      const plan = await ask();
      keep(plan, number ?? plan.number);
      now.trouble = null;
      found(plan);
    } catch (error) {
      now.trouble = error instanceof Trouble ? error : new Trouble("unreadable");
    }
  };
  let underWay: Promise<void> | null = null;
  /** Several who ask at once are answered by one question. */
  const newest = (): Promise<void> => {
    underWay ??= tried(() => source.current(cells), (plan) => (now.newest = plan)).then(() => {
      underWay = null;
      show();
    });
    return underWay;
  };
  /** Whether the plan of the slot that runs, by this machine's clock, has come. */
  const hasCome = () => now.trouble === null && now.newest !== null && now.newest.number >= slotAt(scene, Date.now());
  const past = async () => {
    if (asking) return;
    asking = true;
    // At speed, slots pass while one is asked for: then the last one is asked for next, and those between never.
    for (let asked: number | null = null; looked !== null && looked !== asked && !kept.has(looked) && !gone.has(looked); ) {
      asked = looked;
      if (now.newest !== null && asked >= now.newest.number) break;
      await tried(() => source.plan(asked!, cells), () => undefined, asked);
      if (now.trouble?.kind === "gone") gone.add(asked);
      show();
    }
    asking = false;
  };
  void newest();
  if (!source.offline) {
    const slotly = () => {
      const passed = (Date.now() - scene.slot_phase_ms) % scene.slot_ms;
      // The server tells of each slot. Where its telling does not come, the clock asks.
      setTimeout(() => void (hasCome() ? Promise.resolve() : newest()).then(slotly), scene.slot_ms - passed + AFTER_BEGIN_MS);
    };
    slotly();
    listen = source.follow(
      (event) => {
        if (event.event === "slot" && !(numberOf(event) === now.newest?.number && now.trouble === null)) void newest();
        heard(event);
      },
      (live, trouble) => {
        if (live && !now.live && !hasCome()) void newest();
        now.live = live;
        if (trouble) now.trouble = trouble;
        changed(now);
      },
    );
  }
  return {
    look(atMs) {
      const slot = atMs === null ? null : slotAt(scene, atMs);
      if (slot === looked) return;
      looked = slot;
      show();
      if (looked !== null) void past();
    },
    again() {
      listen();
      void (underWay ?? Promise.resolve()).then(newest); // one that is under way has the token of before
    },
  };
}

/** The slot that an event tells of; undefined where it does not say. */
function numberOf({ data }: ServerEvent): number | undefined {
  try {
    const { number } = JSON.parse(data) as { number?: string };
    return number === undefined ? undefined : Number(number);
  } catch {
    return undefined;
  }
}
