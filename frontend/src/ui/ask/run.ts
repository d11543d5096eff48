// What a computed run as a whole gives a cell: medians, shares of time, and what binds most of it.

import { bindingAt, REASONS, type Binding, type Plan } from "../../data/plan";
import { BINDING_COLOURS, REASON_COLOURS, css } from "../../map/colours";
import type { Words } from "../../words";
import { make, swatch } from "../dom";

/** Each class, the share of the time that it is served, and how it is most of the time. */
export function sharesOf(plan: Plan, row: number): { name: string; share: number; reason: (typeof REASONS)[number] }[] {
  const at = row * plan.classes.length;
  return plan.classes.map((name, of) => ({ name, share: plan.run?.served?.[at + of] ?? NaN, reason: REASONS[plan.reason[at + of]!]! }));
}

/** Name and value of each figure; rates, and what binds, where capacity was computed and the rule set is the run's own. */
export function figuresOf(words: Words, language: string, plan: Plan, row: number): [string, string][] {
  const { panel } = words;
  const amount = (value: number | undefined, unit: string) =>
    value === undefined || Number.isNaN(value) ? words.noValue : `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value)} ${unit}`;
  return [
    [`${panel.rtt}, ${panel.median}`, amount(plan.rtt_ms[row], "ms")],
    [`${panel.rtt}, ${panel.p95}`, amount(plan.run?.rtt_ms_p95[row], "ms")],
    [panel.seenMean, String(plan.seen[row])],
    ...(plan.binding === null
      ? [[panel.capacity, plan.run?.left_out ? panel.ownRules : panel.notComputed] as [string, string]]
      : ([[`${panel.down} (${panel.tested})`, amount(plan.down_mbps[row], "Mbit/s")], [`${panel.up} (${panel.tested})`, amount(plan.up_mbps[row], "Mbit/s")]] as [string, string][])),
  ];
}

export function wholeRun(words: Words, language: string, plan: Plan, row: number): Node[] {
  const list = make("dl");
  for (const [name, value] of figuresOf(words, language, plan, row)) list.append(make("dt", {}, name), make("dd", {}, value));
  if (plan.binding !== null) list.append(...binds(words, words.panel.bindsMost, bindingAt(plan, row)));
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const rows = sharesOf(plan, row).map(({ name, share, reason }) =>
    make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "number" }, percent.format(share)),
      make("td", {}, swatch(css(REASON_COLOURS[reason])), words.reasons[reason])));
  const heads = [words.class, words.panel.timeServed, words.panel.mostly.replace(/\s*:$/, "")].map((one) => make("th", { scope: "col" }, one));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
  // A cell that is given half of what it asks for counts as served half of the time.
  return [list, table, ...(plan.binding === null ? [] : [make("p", { class: "quiet" }, words.panel.timesGiven)])];
}

/** What binds a cell, with the colour that the map has for it. */
export function binds(words: Words, name: string, binding: Binding | null): Node[] {
  const value = binding === null ? [words.noValue] : [swatch(css(BINDING_COLOURS[binding])), words.bindings[binding]];
  return [make("dt", {}, name), make("dd", {}, ...value)];
}
