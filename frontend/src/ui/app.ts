// The page: joins what is looked at (state), what there is to see (source) and the map.

import type { Api } from "../data/api";
import type { ServerEvent } from "../data/events";
import { follower, type Followed } from "../data/follow";
import { underRules, type Plan } from "../data/plan";
import type { Scene } from "../data/scene";
import type { Source } from "../data/source";
import { sidesOf } from "../map/contested";
import { viewOf, type Looks, type Shade, type View } from "../map/view";
import { LANGUAGES, type Words } from "../words";
import { placePart } from "./ask/part";
import { statusOf, tokenForm } from "./banner";
import { changesPart } from "./changes/part";
import { controls, reachOf, timeline, utc, type Timeline } from "./controls";
import { choice, make } from "./dom";
import { legend } from "./legend";
import { pagesNav } from "./nav";
import { operatePart } from "./operate/part";
import type { Page, Part } from "./part";
import { hashOf, stateOf, type State } from "./state";
import { tryPart } from "./try/part";

const SLOW_FRAME_MS = 100; // at a satellite's own speed: 760 m, less than a pixel
const FAST_FRAME_MS = 33;
const STILL_FRAME_MS = 5000; // for who asks for less motion, until they play faster themselves

export function start(
  root: HTMLElement,
  source: Source,
  api: Api | null,
  scene: Scene,
  cells: string[],
  first: State,
  setToken: (token: string) => void,
): void {
  let state = stateOf(location.hash, first);
  let words: Words = LANGUAGES[state.language];
  let followed: Followed = { plan: null, newest: null, live: false, trouble: null };
  let came: Followed = followed; // as it came; `followed` has the plan under the rules that are looked at
  let playing = state.at_ms === null;
  let speed = 1;
  const opened = performance.now();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const part = <K extends "header" | "section" | "aside" | "footer" | "div">(tag: K, id: string) => make(tag, { id });
  const [head, wrong, legendBox, place, times] = [part("header", "controls"), part("div", "wrong"), part("section", "legend"), part("aside", "place"), part("footer", "time")];
  const mapBox = part("div", "map");
  const badge = make("output", { id: "badge", role: "status" });
  wrong.setAttribute("role", "alert");
  const desk = part("section", "desk");
  place.setAttribute("aria-live", "polite");
  for (const box of [place, desk]) box.tabIndex = -1;
  root.replaceChildren(make("a", { href: "#place", class: "skip", click: skip }, words.skip), head, wrong, mapBox, legendBox, place, desk, times);

  const now = () => (source.offline ? (followed.newest?.begins_ms ?? scene.start_ms) + performance.now() - opened : Date.now());
  const shown = () => state.at_ms ?? now();
  const shade = (): Shade => (state.theme === "auto" ? (dark.matches ? "dark" : "light") : state.theme);
  const looks = (): Looks => ({ shade: shade(), globe: state.view === "globe", satellites: state.satellites, isl: state.isl, ground: state.ground, pov: state.pov });
  /** How the cells' plan is named: that of a slot, or the whole of a run. */
  const ofPlan = ({ begins_ms, slot_ms, run }: Plan) =>
    run?.whole ? words.time.ofRun(utc(begins_ms), utc(begins_ms + slot_ms)) : words.time.ofPlan(utc(begins_ms));
  const classes = () => followed.plan?.classes ?? scene.classes;
  /** What of plans the controls depend on. */
  const said = () => JSON.stringify([followed.newest === null, (followed.newest?.binding ?? null) === null, classes()]);
  const ofClass = () => Math.max(0, classes().indexOf(state.class));
  document.documentElement.dataset.shade = shade();
  let line: Timeline;
  frame(); // before the map, which measures its box as it starts
  const view: View = viewOf(mapBox, scene, cells, looks(), state, (asked) => set({ place: asked, page: "place" }));
  const page: Page = {
    scene,
    cells,
    source,
    api,
    view,
    rowOf: new Map(cells.map((cell, row) => [cell, row])),
    words: () => words,
    state: () => state,
    followed: () => followed,
    ofClass,
    set,
    useToken: (token) => {
      setToken(token);
      follow.again();
    },
  };
  const parts: { [page in State["page"]]: Part } = {
    place: placePart(page),
    trying: tryPart(page),
    changes: changesPart(page),
    operate: operatePart(page),
  };
  let open: State["page"] | null = null;
  describe();
  // What is shut takes the focus with it: the panel has it then, and not the page's beginning.
  place.addEventListener("click", ({ target }) => (target as Element).closest(".close") && place.focus());
  place.addEventListener("keydown", ({ key, defaultPrevented }) => {
    if (key !== "Escape" || defaultPrevented || !(state.place || state.item)) return;
    set({ place: null, item: "" });
    place.focus();
  });

  function skip(event: Event): void {
    event.preventDefault();
    (place.hidden ? desk : place).focus();
  }

  /** Shows the part that is chosen, in its box: a place's beside the map, any other's at its desk. */
  function turn(): void {
    if (open) parts[open].hide();
    open = api || state.page === "place" ? state.page : "place";
    root.dataset.page = open;
    [place.hidden, desk.hidden] = [open !== "place", open === "place"];
    desk.setAttribute("aria-label", words.pages[open]);
    parts[open].show(open === "place" ? place : desk);
  }

  function set(change: Partial<State>): void {
    const before = state;
    state = { ...state, ...change };
    words = LANGUAGES[state.language];
    if ("at_ms" in change) {
      follow.look(state.at_ms);
      view.sky(shown());
    }
    if ("place" in change) view.place(state.place);
    if (state.compared !== before.compared) {
      followed = { ...followed, plan: ruled(came.plan) };
      if (open) parts[open].planned?.();
    }
    if ("colour" in change || "class" in change || "compared" in change) paint();
    if (["theme", "view", "satellites", "isl", "ground", "pov"].some((one) => one in change)) restyle();
    if ("language" in change) {
      frame();
      describe();
    }
    if (state.page !== before.page) frame();
    if (state.page !== before.page || "language" in change) turn();
    else if (open && ("item" in change || "place" in change || "class" in change)) parts[open].turned?.();
    if (!("at_ms" in change)) tell();
    remember();
  }

  let remembering: ReturnType<typeof setTimeout> | undefined;
  function remember(): void {
    clearTimeout(remembering);
    remembering = setTimeout(() => history.replaceState(null, "", `#${hashOf(state, first)}`), 250);
  }

  function ruled(plan: Plan | null): Plan | null {
    return plan && underRules(plan, state.compared ? 1 : 0);
  }

  function restyle(): void {
    document.documentElement.dataset.shade = shade();
    view.looks(looks());
    view.sky(shown());
  }

  function paint(): void {
    view.cells(followed.plan, state.colour, ofClass());
  }

  /** All that is words and does not change with time. */
  function frame(): void {
    document.documentElement.lang = state.language;
    document.title = `${scene.name} · ${words.title}`;
    root.querySelector(".skip")!.textContent = words.skip;
    const [focused, settings] = [document.activeElement?.id ?? "", head.querySelector("details")?.open ?? false];
    head.replaceChildren(make("h1", {}, scene.name), badge, ...(api ? [pagesNav(words, state.page, (chosen) => set({ page: chosen, item: "" }))] : ofRun()), ...controls(words, state, came.newest, classes(), sidesOf(scene.borders), set));
    line = timeline(words, reachOf(source.span_ms, now()), source.offline, speed, {
      play: () => {
        playing = !playing;
        if (!playing) set({ at_ms: shown() });
      },
      now: () => {
        [playing, speed] = [true, 1];
        set({ at_ms: null });
        frame();
      },
      speed: (chosen) => {
        [speed, playing] = [chosen, true];
        set({ at_ms: shown() });
      },
      scrub: (atMs) => set({ at_ms: atMs }),
    });
    times.replaceChildren(...line.nodes);
    head.querySelector("details")!.open = settings;
    if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus(); // it was made anew
  }

  /** What a computed run has in place of the other pages: its report, and the rules that it compares. */
  function ofRun(): Node[] {
    const sets = came.newest?.run?.rule_sets ?? [];
    const nodes: Node[] = [make("nav", { "aria-label": words.pages.name }, make("a", { href: "#report" }, words.run.report))];
    if (sets.length < 2) return nodes;
    const options = sets.map((name, which) => [String(which), name] as const);
    const chosen = state.compared ? "1" : "0";
    return [...nodes, choice("rules", words.run.rules, options, chosen, (which) => set({ compared: which === "1" }))];
  }

  function describe(): void {
    view.map.getCanvas().setAttribute("aria-label", words.map);
  }

  /** What depends on the plan and on what is looked at. */
  function tell(): void {
    legendBox.replaceChildren(...legend(words, state.colour, state.pov, followed.plan?.run));
    warn();
  }

  let warned = "";
  function warn(): void {
    const status = statusOf(words, followed, source.offline, Date.now());
    if (scene.satellites.moved_by === "nothing") status.wrong.push(words.state.unmoved);
    if (badge.textContent !== status.badge) badge.textContent = status.badge;
    badge.dataset.live = String(followed.live || source.offline);
    if (warned === status.wrong.join("\n")) return; // nobody is told the same thing each second
    warned = status.wrong.join("\n");
    for (const old of wrong.querySelectorAll("p")) old.remove();
    wrong.prepend(...status.wrong.map((text) => make("p", {}, text)));
    askForToken(followed.trouble?.kind === "unauthorised");
  }

  /** The form stays while the sentences beside it change: how old the plan is does, each second. */
  function askForToken(wanted: boolean): void {
    const there = wrong.querySelector("form");
    if (!wanted) there?.remove();
    if (!wanted || there) return;
    const use = (token: string) => {
      setToken(token);
      follow.again();
    };
    wrong.append(tokenForm(words, use));
  }

  const heard = (event: ServerEvent) => Object.values(parts).forEach((one) => one.heard?.(event));
  const follow = follower(source, scene, cells.length, (next) => {
    const other = next.plan !== came.plan;
    const known = said();
    came = { ...next };
    followed = { ...next, plan: other ? ruled(next.plan) : followed.plan };
    if (said() !== known) frame();
    if (other) paint();
    if (other && open) parts[open].planned?.();
    tell();
  }, heard);
  turn();
  follow.look(state.at_ms);
  view.place(state.place);
  tell();
  setInterval(warn, 1000);

  view.map.on("moveend", () => {
    const { lng, lat } = view.map.getCenter();
    state = { ...state, lng, lat, zoom: view.map.getZoom() };
    remember();
  });
  view.map.on("move", () => view.sky(shown()));
  dark.addEventListener("change", restyle);
  addEventListener("hashchange", () => {
    if (document.getElementById(location.hash.slice(1))) return; // a part of this document, as of the report below
    const named = stateOf(location.hash, first);
    view.map.jumpTo({ center: [named.lng, named.lat], zoom: named.zoom });
    set(named);
  });

  let drawn = -Infinity;
  let moved = -Infinity;
  let ticked = performance.now();
  function tickFrame(at: number): void {
    if (at - drawn >= (playing && speed > 1 ? FAST_FRAME_MS : SLOW_FRAME_MS)) {
      if (playing && state.at_ms !== null) {
        const next = state.at_ms + (at - ticked) * speed;
        // A run begins again where it ends.
        state = { ...state, at_ms: source.span_ms && next >= source.span_ms[1] ? source.span_ms[0] : next };
        follow.look(state.at_ms);
      }
      ticked = drawn = at;
      if (playing && (speed > 1 || !still.matches || at - moved >= STILL_FRAME_MS)) {
        moved = at;
        view.sky(shown());
      }
      line.show(shown(), playing, followed.plan ? ofPlan(followed.plan) : "");
    }
    requestAnimationFrame(tickFrame);
  }
  view.map.once("load", () => {
    root.dataset.ready = "true";
    paint();
    view.sky(shown());
  });
  requestAnimationFrame(tickFrame);
}
