// The round trip as a waterfall: a table of its terms, each with its bar where the ones before end.

import type { Words } from "../../words";
import { make } from "../dom";
import type { Hop, Term } from "./answer";
import { draw } from "./svg";

export interface Bar {
  name: string;
  ms: number;
  from: number; // where it begins, as a share of the whole
  to: number;
  of: "light" | "fibre" | "added";
}

const WIDTH = 100;

/** Bars of terms, each from where the one before ends; one below nothing (a jitter that shortens) runs back. */
export function barsOf(terms: readonly Term[]): Bar[] {
  let sum = 0;
  let most = 0;
  const edges = terms.map(({ ms }) => {
    const from = sum;
    sum += ms;
    most = Math.max(most, sum);
    return [Math.min(from, sum), Math.max(from, sum)] as const;
  });
  return terms.map(({ name, ms }, n) => ({
    name, ms, from: most > 0 ? edges[n]![0] / most : 0, to: most > 0 ? edges[n]![1] / most : 0, of: kindOf(name),
  }));
}

function kindOf(name: string): Bar["of"] {
  if (name === "fibre") return "fibre";
  return /link/.test(name) ? "light" : "added";
}

/** A term's name in words; what is not known by name is as the server calls it. */
export function termText(words: Words, name: string): string {
  const isls = /^(\d+) inter-satellite links?$/.exec(name);
  if (isls) return words.panel.isls(Number(isls[1]));
  return (words.panel.terms as { [name: string]: string })[name] ?? name;
}

export function waterfall(words: Words, number: (value: number) => string, terms: readonly Term[]): HTMLElement {
  const body = make("tbody");
  for (const bar of barsOf(terms)) {
    const [x, width] = [WIDTH * bar.from, Math.max(WIDTH * (bar.to - bar.from), 0.5)];
    const rect = draw("rect", { x, width, y: 1, height: 8, class: `bar-${bar.of}` });
    const picture = draw("svg", { viewBox: `0 0 ${WIDTH} 10`, preserveAspectRatio: "none", "aria-hidden": "true", class: "bar" }, rect);
    const drawn = make("td", {}, "");
    drawn.append(picture);
    body.append(make("tr", {}, make("th", { scope: "row" }, termText(words, bar.name)), make("td", { class: "number" }, `${number(bar.ms)} ms`), drawn));
  }
  const total = terms.reduce((sum, { ms }) => sum + ms, 0);
  body.append(make("tr", { class: "total" }, make("th", { scope: "row" }, words.panel.total), make("td", { class: "number" }, `${number(total)} ms`), make("td")));
  const heads = [words.panel.term, words.panel.takes, words.panel.share].map((text) => make("th", { scope: "col" }, text));
  heads[2]!.className = "bars";
  const table = make("table", { class: "waterfall" }, make("caption", {}, words.panel.waterfall), make("thead", {}, make("tr", {}, ...heads)), body);
  return table;
}

/** Who passes a packet on: the terminal, satellites by name, gateway, PoP. */
export function wayOf(hops: readonly Hop[], terminal: string): string[] {
  return hops.length === 0 ? [] : [terminal, ...hops.map(({ end }) => end)];
}
