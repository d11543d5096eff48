// The next hand-overs of a place, and the way that a packet takes now.

import type { Words } from "../../words";
import { make } from "../dom";
import type { HandOver, PlaceAnswer } from "./answer";
import { waterfall, wayOf } from "./waterfall";

const MOST_SHOWN = 8;

export function trip(words: Words, number: (value: number) => string, answer: PlaceAnswer): Node[] {
  const { panel } = words;
  if (answer.why_no_terms) return [make("h3", {}, panel.waterfall), make("p", { class: "quiet" }, `${panel.notTold} ${answer.why_no_terms}.`)];
  if (answer.terms.length === 0) return [];
  const way = wayOf(answer.hops, panel.terminal);
  return [make("h3", {}, panel.way), make("p", {}, way.join(" → ")), waterfall(words, number, answer.terms)];
}

export function handOvers(words: Words, number: (value: number) => string, answer: PlaceAnswer): Node[] {
  const { panel } = words;
  if (answer.why_no_hand_overs) return [make("h3", {}, panel.next), make("p", { class: "quiet" }, `${panel.notTold} ${answer.why_no_hand_overs}.`)];
  if (answer.hand_overs.length === 0) return [];
  const row = ({ at, to_satellite, why, rtt_ms_after }: HandOver) => {
    const trip = rtt_ms_after === null ? words.noValue : `${number(rtt_ms_after)} ms`;
    const to = make("td", {}, to_satellite || words.noValue, make("br"), make("span", { class: "quiet" }, whyText(words, why)));
    return make("tr", {}, make("th", { scope: "row" }, at.slice(11, 19)), to, make("td", { class: "number" }, trip));
  };
  const heads = [words.time.utc, panel.to, panel.rtt].map((one) => make("th", { scope: "col" }, one));
  const body = make("tbody", {}, ...answer.hand_overs.slice(0, MOST_SHOWN).map(row));
  const more = answer.hand_overs.length - MOST_SHOWN;
  const table = make("table", {}, make("caption", {}, panel.nextCaption), make("thead", {}, make("tr", {}, ...heads)), body);
  return [make("h3", {}, panel.next), table, ...(more > 0 ? [make("p", { class: "quiet" }, panel.more(more))] : [])];
}

/** Why it changes, in words; what is not known by its words is as the server says it. */
export function whyText(words: Words, why: string): string {
  if (/ prefers another$/.test(why)) return words.panel.prefers;
  return (words.panel.whys as { [why: string]: string })[why] ?? why;
}
