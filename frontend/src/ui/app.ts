// The page: joins what is looked at (state), what there is to see (source) and the map.

import { follower, type Followed, type Follower } from "../data/follow";
import { viewOf, type View } from "../map/view";
import { placePart } from "./ask/part";
import { changesPart } from "./changes/part";
import { frame, framedBy, tell, warn } from "./frame";
import { operatePart } from "./operate/part";
import type { Page, Part } from "./part";
import { play } from "./play";
import { OF_LOOKS, boxesOf, classOf, currentOf, followedNext, looksOf, ruled, shadeOf, shownMs, wordsOf, type Given, type Shell } from "./shell";
import { hashOf, stateOf, type State } from "./state";
import { tryPart } from "./try/part";

const REMEMBERED_AFTER_MS = 250; // while somebody moves the map, its address is not written at each step

/** The page with its map, and the parts that are shown beside it. */
interface Mapped extends Shell {
  readonly view: View;
  readonly parts: { [page in State["page"]]: Part };
}

/** The whole page. */
interface App extends Mapped {
  readonly follow: Follower;
  /** Writes what is looked at into the address. */
  remember(): void;
}

export function start(given: Given): void {
  const shell: Shell = {
    ...given,
    boxes: boxesOf(),
    current: currentOf(stateOf(location.hash, given.first)),
    dark: matchMedia("(prefers-color-scheme: dark)"),
    openedMs: performance.now(),
    set: (change) => set(app, change),
    useToken: (token) => {
      given.setToken(token);
      app.follow.again();
    },
  };
  const mapped = withMap(shell);
  const heard: Part["heard"] = (event) => Object.values(mapped.parts).forEach((one) => one.heard?.(event));
  const follow = follower(given.source, given.scene, given.cells.length, (next) => came(mapped, next), heard);
  const app: App = { ...mapped, follow, remember: rememberer(shell) };
  turn(app);
  follow.look(shell.current.state.at_ms);
  app.view.place(shell.current.state.place);
  tell(app);
  setInterval(() => warn(app), 1000);
  listen(app);
  play(app, follow.look, app.view.sky);
}

/** Puts the boxes in their place, with a map in its own. */
function withMap(shell: Shell): Mapped {
  const { root, boxes, current, scene, cells, dark, set } = shell;
  const { skip, head, wrong, map, legend, place, desk, times } = boxes;
  root.replaceChildren(skip, head, wrong, map, legend, place, desk, times);
  document.documentElement.dataset.shade = shadeOf(current.state, dark.matches);
  frame(shell); // before the map, which measures its box as it starts
  const view = viewOf(map, scene, cells, looksOf(current.state, dark.matches), current.state, (asked) => set({ place: asked, page: "place" }));
  const page = pageOf(shell, view);
  const parts = { place: placePart(page), trying: tryPart(page), changes: changesPart(page), operate: operatePart(page) };
  const mapped = { ...shell, view, parts };
  describe(mapped);
  return mapped;
}

/** The page as its parts see it. */
function pageOf({ scene, cells, source, api, current, set, useToken }: Shell, view: View): Page {
  return {
    scene, cells, source, api, view, set, useToken,
    rowOf: new Map(cells.map((cell, row) => [cell, row])),
    words: () => wordsOf(current),
    state: () => current.state,
    followed: () => current.followed,
    ofClass: () => classOf(current, scene),
  };
}

/** Something else is looked at: all that depends on it is drawn and said again, and nothing else. */
function set(app: App, change: Partial<State>): void {
  const { current, view, parts, follow } = app;
  const before = current.state;
  const state = (current.state = { ...before, ...change });
  if ("at_ms" in change) {
    follow.look(state.at_ms);
    view.sky(shownMs(app));
  }
  if ("place" in change) view.place(state.place);
  if (state.compared !== before.compared) {
    current.followed = { ...current.followed, plan: ruled(current.came.plan, state) };
    if (current.open) parts[current.open].planned?.();
  }
  if ("colour" in change || "class" in change || "compared" in change) paint(app);
  if (OF_LOOKS.some((one) => one in change)) restyle(app);
  if ("language" in change) {
    frame(app);
    describe(app);
  }
  if (state.page !== before.page) frame(app);
  if (state.page !== before.page || "language" in change) turn(app);
  else if (current.open && ("item" in change || "place" in change || "class" in change)) parts[current.open].turned?.();
  if (!("at_ms" in change)) tell(app);
  app.remember();
}

/** Another plan came, or how it comes is another. */
function came(app: Mapped, next: Followed): void {
  const { current, parts, scene } = app;
  const [other, framed] = [next.plan !== current.came.plan, framedBy(current, scene)];
  current.followed = followedNext(current, next);
  current.came = { ...next };
  if (framedBy(current, scene) !== framed) frame(app);
  if (other) paint(app);
  if (other && current.open) parts[current.open].planned?.();
  tell(app);
}

/** Shows the part that is chosen, in its box: a place's beside the map, any other's at its desk. */
function turn({ api, boxes: { place, desk }, current, parts, root }: Mapped): void {
  if (current.open) parts[current.open].hide();
  const open = (current.open = api || current.state.page === "place" ? current.state.page : "place");
  root.dataset.page = open;
  [place.hidden, desk.hidden] = [open !== "place", open === "place"];
  desk.setAttribute("aria-label", wordsOf(current).pages[open]);
  parts[open].show(open === "place" ? place : desk);
}

function paint({ view, current, scene }: Mapped): void {
  view.cells(current.followed.plan, current.state.colour, classOf(current, scene));
}

function restyle(app: Mapped): void {
  const { view, current, dark } = app;
  document.documentElement.dataset.shade = shadeOf(current.state, dark.matches);
  view.looks(looksOf(current.state, dark.matches));
  view.sky(shownMs(app));
}

function describe({ view, current }: Mapped): void {
  view.map.getCanvas().setAttribute("aria-label", wordsOf(current).map);
}

function rememberer({ current, first }: Shell): () => void {
  let remembering: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(remembering);
    remembering = setTimeout(() => history.replaceState(null, "", `#${hashOf(current.state, first)}`), REMEMBERED_AFTER_MS);
  };
}

/** What people and the map do. */
function listen(app: App): void {
  const { view, current, dark, first, root } = app;
  listenForShutting(app);
  view.map.on("moveend", () => {
    const { lng, lat } = view.map.getCenter();
    current.state = { ...current.state, lng, lat, zoom: view.map.getZoom() };
    app.remember();
  });
  view.map.on("move", () => view.sky(shownMs(app)));
  view.map.once("load", () => {
    root.dataset.ready = "true";
    paint(app);
    view.sky(shownMs(app));
  });
  dark.addEventListener("change", () => restyle(app));
  addEventListener("hashchange", () => {
    if (document.getElementById(location.hash.slice(1))) return; // a part of this document, as of the report below
    const named = stateOf(location.hash, first);
    view.map.jumpTo({ center: [named.lng, named.lat], zoom: named.zoom });
    app.set(named);
  });
}

/** What is shut takes the focus with it: the panel has it then, and not the page's beginning. */
function listenForShutting({ boxes: { place }, current, set }: Shell): void {
  place.addEventListener("click", ({ target }) => (target as Element).closest(".close") && place.focus());
  place.addEventListener("keydown", ({ key, defaultPrevented }) => {
    if (key !== "Escape" || defaultPrevented || !(current.state.place || current.state.item)) return;
    set({ place: null, item: "" });
    place.focus();
  });
}
