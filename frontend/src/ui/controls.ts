// What somebody can set, and the timeline.

import type { Plan } from "../data/plan";
import { offered } from "../map/colours";
import { ADMINISTERED, NEUTRAL } from "../map/contested";
import { LANGUAGES, type Language, type Words } from "../words";
import { choice, make, tick } from "./dom";
import { nameOf } from "./legend";
import { THEMES, VIEWS, type State } from "./state";

export function controls(words: Words, state: State, plan: Plan | null, classes: string[], sides: { id: string; name: string }[], set: (change: Partial<State>) => void): Node[] {
  const views = VIEWS.map((view) => [view, words.view[view]] as const);
  const colours = offered(plan, state.colour).map((one) => [one, nameOf(words, one, plan?.run !== undefined)] as const);
  const nodes: Node[] = [
    choice("view", words.view.name, views, state.view, (view) => set({ view })),
    choice("colour", words.colour.name, colours, state.colour, (colour) => set({ colour })),
  ];
  if (classes.length > 1) {
    const chosen = classes.includes(state.class) ? state.class : classes[0]!;
    nodes.push(choice("class", words.class, classes.map((one) => [one, one] as const), chosen, (one) => set({ class: one })));
  }
  const layers = (["satellites", "isl", "ground"] as const).map((one) =>
    tick(`layer-${one}`, words.layers[one], state[one], (on) => set({ [one]: on })),
  );
  const settings: Node[] = [make("fieldset", {}, make("legend", {}, words.layers.name), ...layers)];
  const seen = ({ id, name }: { id: string; name: string }) => [id, words.pov.as(name)] as const;
  const povs = [[NEUTRAL, words.pov.neutral] as const, [ADMINISTERED, words.pov.administered] as const, ...sides.map(seen)];
  if (sides.length > 0) settings.push(choice<string>("pov", words.pov.name, povs, state.pov, (pov) => set({ pov })));
  const languages = (Object.keys(LANGUAGES) as Language[]).map((one) => [one, LANGUAGES[one].language] as const);
  settings.push(
    choice("theme", words.theme.name, THEMES.map((one) => [one, words.theme[one]] as const), state.theme, (theme) => set({ theme })),
    choice("language", words.languageName, languages, state.language, (language) => set({ language })),
  );
  return [...nodes, disclosure("settings", words.settings, settings)];
}

/** Chosen once and seldom again: behind a button that shows it. Escape shuts it, and so does what is chosen elsewhere. */
function disclosure(id: string, name: string, inside: Node[]): HTMLElement {
  const opener = make("summary", { id: `${id}-open` }, name);
  const box = make("details", { id }, opener, make("div", { class: "sheet" }, ...inside));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !box.open) return;
    box.open = false;
    opener.focus();
  });
  box.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !box.contains(relatedTarget)) box.open = false;
  });
  return box;
}

export const SPEEDS = [1, 10, 60, 300] as const;
const SPAN_MS = 6 * 3_600_000;

export interface Timeline {
  nodes: Node[];
  show(atMs: number, playing: boolean, plan: string): void;
}

/** The instants that the timeline reaches: those of a computed run, or six hours to both sides of now. */
export function reachOf(span: readonly [number, number] | undefined, nowMs: number): readonly [number, number] {
  return span ?? [nowMs - SPAN_MS, nowMs + SPAN_MS];
}

export function timeline(
  words: Words,
  [fromMs, toMs]: readonly [number, number],
  isRun: boolean,
  speed: number,
  on: { play(): void; now(): void; speed(speed: number): void; scrub(atMs: number): void },
): Timeline {
  const play = make("button", { type: "button", id: "play", click: on.play });
  const now = make("button", { type: "button", id: "now", click: on.now }, isRun ? words.time.whole : words.time.now);
  const speeds = SPEEDS.map((one) => [String(one), `${one}×`] as const);
  const slider = make("input", {
    type: "range", id: "scrub", "aria-label": isRun ? words.time.scrubRun : words.time.scrub, min: String(fromMs),
    max: String(toMs), step: "1000", input: () => on.scrub(Number(slider.value)),
  });
  const clock = make("output", { id: "clock", for: "scrub" });
  const of = make("span", { id: "of-plan", class: "quiet" });
  return {
    nodes: [play, now, choice("speed", words.time.speed, speeds, String(speed), (one) => on.speed(Number(one))), slider, clock, of],
    show(atMs, playing, plan) {
      const [verb, text] = [playing ? words.time.pause : words.time.play, `${utc(atMs)} ${words.time.utc}`];
      if (play.textContent !== verb) play.textContent = verb;
      if (clock.textContent !== text) clock.textContent = text;
      if (of.textContent !== plan) of.textContent = plan;
      slider.value = String(atMs);
      slider.setAttribute("aria-valuetext", text);
    },
  };
}

/** An instant as people read it, to the second. */
export function utc(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replace("T", " ");
}
