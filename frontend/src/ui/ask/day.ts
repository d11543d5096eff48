// A place's day ahead as a chart: the round trip each half hour, and under it whether the place is served.

import { REASONS, type Reason } from "../../data/plan";
import { REASON_COLOURS, css } from "../../map/colours";
import type { Words } from "../../words";
import { make } from "../dom";
import type { Sample } from "./answer";
import { draw } from "./svg";

const [WIDTH, HIGH, STRIP] = [288, 90, 10];

/** Figures of a day: how often it is served, and between which round trips. */
export function figuresOf(samples: readonly Sample[]): { served: number; of: number; least: number; most: number } {
  const trips = samples.flatMap(({ rtt_ms }) => (rtt_ms === null ? [] : [rtt_ms]));
  const served = samples.filter(({ reason }) => reason === "served").length;
  return { served, of: samples.length, least: Math.min(...trips), most: Math.max(...trips) };
}

/** A scale from nought that ends at a round number. */
export function topOf(most: number): number {
  return Number.isFinite(most) ? [20, 50, 100, 200, 500, 1000].find((top) => most <= top) ?? Math.ceil(most / 1000) * 1000 : 100;
}

const reasonOf = (text: string): Reason => (REASONS.includes(text as Reason) ? (text as Reason) : "no_satellite");

export function dayChart(words: Words, number: (value: number) => string, samples: readonly Sample[]): HTMLElement {
  const { served, of, least, most } = figuresOf(samples);
  const [top, step] = [topOf(most), WIDTH / samples.length];
  const said = words.panel.daySaid(served, of, served ? number(least) : "", served ? number(most) : "");
  const picture = draw("svg", { viewBox: `-26 -6 ${WIDTH + 32} ${HIGH + STRIP + 24}`, role: "img", "aria-label": said, class: "day" });
  for (const ms of [0, top / 2, top]) {
    const y = HIGH * (1 - ms / top);
    picture.append(draw("line", { x1: 0, x2: WIDTH, y1: y, y2: y, class: "grid" }), text(-3, y + 3, String(ms), "end"));
  }
  samples.forEach(({ reason, rtt_ms }, n) => {
    const strip = draw("rect", { x: n * step, y: HIGH + 2, width: step, height: STRIP });
    strip.style.fill = css(REASON_COLOURS[reasonOf(reason)]);
    picture.append(strip);
    if (rtt_ms !== null) picture.append(draw("circle", { cx: (n + 0.5) * step, cy: HIGH * (1 - rtt_ms / top), r: 2, class: reason === "served" ? "trip" : "trip unserved" }));
    if (n % 12 === 0) picture.append(text(n * step, HIGH + STRIP + 14, samples[n]!.begins_at.slice(11, 16), "middle"));
  });
  const depends = samples.some((one) => one.depends) ? ` ${words.panel.dayDepends}` : "";
  return make("figure", {}, picture as unknown as Node, make("figcaption", { class: "quiet" }, said + depends), asTable(words, number, samples));
}

function text(x: number, y: number, said: string, anchor: string): SVGElement {
  const node = draw("text", { x, y, "text-anchor": anchor });
  node.textContent = said;
  return node;
}

function asTable(words: Words, number: (value: number) => string, samples: readonly Sample[]): HTMLElement {
  const heads = [words.time.utc, words.panel.name, words.panel.rtt, words.panel.satellite].map((one) => make("th", { scope: "col" }, one));
  const rows = samples.map(({ begins_at, reason, rtt_ms, satellite }) =>
    make("tr", {}, make("th", { scope: "row" }, begins_at.slice(11, 16)), make("td", {}, words.reasons[reasonOf(reason)]),
      make("td", {}, rtt_ms === null ? words.noValue : `${number(rtt_ms)} ms`), make("td", {}, satellite ?? words.noValue)));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
  return make("details", {}, make("summary", {}, words.panel.asTable), table);
}
