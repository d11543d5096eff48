// What the page's functions are over: what it was started with, its boxes, and what changes while it is open.

import type { Api } from "../data/api";
import type { Followed } from "../data/follow";
import { underRules, type Plan } from "../data/plan";
import type { Scene } from "../data/scene";
import type { Source } from "../data/source";
import type { Looks, Shade } from "../map/view";
import { LANGUAGES, type Words } from "../words";
import type { Timeline } from "./controls";
import { make } from "./dom";
import type { State } from "./state";

/** What the page is started with. */
export interface Given {
  readonly root: HTMLElement;
  readonly source: Source;
  readonly api: Api | null; // null: offline
  readonly scene: Scene;
  readonly cells: string[]; // H3 indexes, by row of every plan
  readonly first: State; // what is looked at where the address does not say
  /** Keeps another token, for this tab. */
  setToken(token: string): void;
}

/** What the page is made of, from top to bottom. */
export interface Boxes {
  readonly skip: HTMLElement;
  readonly head: HTMLElement;
  readonly wrong: HTMLElement;
  readonly map: HTMLElement;
  readonly legend: HTMLElement;
  readonly place: HTMLElement;
  readonly desk: HTMLElement;
  readonly times: HTMLElement;
  readonly badge: HTMLElement; // in the head
}

/** All that changes while the page is open. */
export interface Current {
  state: State;
  came: Followed; // as it came
  followed: Followed; // with the plan under the rules that are looked at
  playing: boolean;
  speed: number;
  open: State["page"] | null; // the part that is shown
  line: Timeline | null;
  warned: string; // what is wrong, as it was last said
}

/** The page without its map. */
export interface Shell extends Given {
  readonly boxes: Boxes;
  readonly current: Current;
  readonly dark: MediaQueryList;
  readonly openedMs: number; // by `performance.now`
  set(change: Partial<State>): void;
  /** Another token, and all that it was wanted for asked again. */
  useToken(token: string): void;
}

export function boxesOf(): Boxes {
  const skip = make("a", { href: "#place", class: "skip" });
  const place = make("aside", { id: "place", "aria-live": "polite" });
  const desk = make("section", { id: "desk" });
  for (const box of [place, desk]) box.tabIndex = -1;
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    (place.hidden ? desk : place).focus();
  });
  return {
    skip, place, desk, head: make("header", { id: "controls" }), wrong: make("div", { id: "wrong", role: "alert" }), map: make("div", { id: "map" }),
    legend: make("section", { id: "legend" }), times: make("footer", { id: "time" }), badge: make("output", { id: "badge", role: "status" }),
  };
}

export function currentOf(state: State): Current {
  const nothing: Followed = { plan: null, newest: null, live: false, trouble: null };
  return { state, came: nothing, followed: nothing, playing: state.at_ms === null, speed: 1, open: null, line: null, warned: "" };
}

export function wordsOf({ state }: Current): Words {
  return LANGUAGES[state.language];
}

/** Now; for a computed run, as far after its beginning as the page is open. */
export function nowMs({ source, scene, current, openedMs }: Shell): number {
  return source.offline ? (current.followed.newest?.begins_ms ?? scene.start_ms) + performance.now() - openedMs : Date.now();
}

/** The instant that is looked at. */
export function shownMs(shell: Shell): number {
  return shell.current.state.at_ms ?? nowMs(shell);
}

export function shadeOf({ theme }: State, dark: boolean): Shade {
  return theme === "auto" ? (dark ? "dark" : "light") : theme;
}

export function looksOf(state: State, dark: boolean): Looks {
  const { satellites, isl, ground, pov } = state;
  return { shade: shadeOf(state, dark), globe: state.view === "globe", satellites, isl, ground, pov };
}

/** What of the state the map's looks depend on. */
export const OF_LOOKS = ["theme", "view", "satellites", "isl", "ground", "pov"] as const;

export function classesOf({ followed }: Current, scene: Scene): string[] {
  return followed.plan?.classes ?? scene.classes;
}

/** Which of the plan's classes is looked at: the first, where none is named that it has. */
export function classOf(current: Current, scene: Scene): number {
  return Math.max(0, classesOf(current, scene).indexOf(current.state.class));
}

/** A plan under the rules that are looked at. */
export function ruled(plan: Plan | null, { compared }: State): Plan | null {
  return plan && underRules(plan, compared ? 1 : 0);
}

/** What came next, with its plan under the rules that are looked at: that of before, where the plan is the same. */
export function followedNext(current: Current, next: Followed): Followed {
  return { ...next, plan: next.plan === current.came.plan ? current.followed.plan : ruled(next.plan, current.state) };
}
