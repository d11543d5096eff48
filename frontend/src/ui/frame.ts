// All that is words around the map: made anew with the language, and told again as the plan changes and time passes.

import type { Plan } from "../data/plan";
import type { Scene } from "../data/scene";
import { sidesOf } from "../map/contested";
import type { Words } from "../words";
import { statusOf, tokenForm } from "./banner";
import { controls, reachOf, timeline, utc } from "./controls";
import { choice, make } from "./dom";
import { legend } from "./legend";
import { pagesNav } from "./nav";
import { classesOf, nowMs, shownMs, wordsOf, type Current, type Shell } from "./shell";

/** All that is words and does not change with time. */
export function frame(shell: Shell): void {
  const { boxes, current, scene } = shell;
  const words = wordsOf(current);
  document.documentElement.lang = current.state.language;
  document.title = `${scene.name} · ${words.title}`;
  boxes.skip.textContent = words.skip;
  const [focused, settings] = [document.activeElement?.id ?? "", boxes.head.querySelector("details")?.open ?? false];
  boxes.head.replaceChildren(...headOf(shell));
  current.line = lineOf(shell);
  boxes.times.replaceChildren(...current.line.nodes);
  boxes.head.querySelector("details")!.open = settings;
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus(); // it was made anew
}

function headOf({ api, boxes, current, scene, set }: Shell): Node[] {
  const [words, { state }] = [wordsOf(current), current];
  const ways = api ? [pagesNav(words, state.page, (chosen) => set({ page: chosen, item: "" }))] : ofRun(words, current, set);
  const settings = controls(words, state, current.came.newest, classesOf(current, scene), sidesOf(scene.borders), set);
  return [make("h1", {}, scene.name), boxes.badge, ...ways, ...settings];
}

/** What a computed run has in place of the other pages: its report, and the rules that it compares. */
function ofRun(words: Words, { state, came }: Current, set: Shell["set"]): Node[] {
  const sets = came.newest?.run?.rule_sets ?? [];
  const nodes: Node[] = [make("nav", { "aria-label": words.pages.name }, make("a", { href: "#report" }, words.run.report))];
  if (sets.length < 2) return nodes;
  const options = sets.map((name, which) => [String(which), name] as const);
  const chosen = state.compared ? "1" : "0";
  return [...nodes, choice("rules", words.run.rules, options, chosen, (which) => set({ compared: which === "1" }))];
}

/** The timeline, and what its buttons do. */
function lineOf(shell: Shell): ReturnType<typeof timeline> {
  const { current, source, set } = shell;
  return timeline(wordsOf(current), reachOf(source.span_ms, nowMs(shell)), source.offline, current.speed, {
    play: () => {
      current.playing = !current.playing;
      if (!current.playing) set({ at_ms: shownMs(shell) });
    },
    now: () => {
      [current.playing, current.speed] = [true, 1];
      set({ at_ms: null });
      frame(shell);
    },
    speed: (chosen) => {
      [current.speed, current.playing] = [chosen, true];
      set({ at_ms: shownMs(shell) });
    },
    scrub: (atMs) => set({ at_ms: atMs }),
  });
}

/** What of plans the frame depends on. */
export function framedBy(current: Current, scene: Scene): string {
  const { newest } = current.followed;
  return JSON.stringify([newest === null, (newest?.binding ?? null) === null, classesOf(current, scene)]);
}

/** How the cells' plan is named: that of a slot, or the whole of a run. */
export function nameOfPlan(words: Words, { begins_ms, slot_ms, run }: Plan): string {
  return run?.whole ? words.time.ofRun(utc(begins_ms), utc(begins_ms + slot_ms)) : words.time.ofPlan(utc(begins_ms));
}

/** What depends on the plan and on what is looked at. */
export function tell(shell: Shell): void {
  const { boxes, current } = shell;
  boxes.legend.replaceChildren(...legend(wordsOf(current), current.state.colour, current.state.pov, current.followed.plan?.run));
  warn(shell);
}

/** How fresh the data are, and what is wrong. */
export function warn(shell: Shell): void {
  const { boxes: { badge, wrong }, current, scene, source } = shell;
  const words = wordsOf(current);
  const status = statusOf(words, current.followed, source.offline, Date.now());
  if (scene.satellites.moved_by === "nothing") status.wrong.push(words.state.unmoved);
  if (badge.textContent !== status.badge) badge.textContent = status.badge;
  badge.dataset.live = String(current.followed.live || source.offline);
  if (current.warned === status.wrong.join("\n")) return; // nobody is told the same thing each second
  current.warned = status.wrong.join("\n");
  for (const old of wrong.querySelectorAll("p")) old.remove();
  wrong.prepend(...status.wrong.map((text) => make("p", {}, text)));
  askForToken(shell, current.followed.trouble?.kind === "unauthorised");
}

/** The form stays while the sentences beside it change: how old the plan is does, each second. */
function askForToken({ boxes: { wrong }, current, useToken }: Shell, wanted: boolean): void {
  const there = wrong.querySelector("form");
  if (!wanted) there?.remove();
  if (wanted && !there) wrong.append(tokenForm(wordsOf(current), useToken));
}
