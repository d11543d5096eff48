// A place asked about: is it served, why not, and by what.

import { latLngToCell } from "h3-js";
import { bindingAt, NOBODY, REASONS, type Plan } from "../../data/plan";
import { territoryAt, type Scene } from "../../data/scene";
import { REASON_COLOURS, css } from "../../map/colours";
import type { Words } from "../../words";
import { utc } from "../controls";
import { make, swatch } from "../dom";
import { binds, wholeRun } from "./run";

/** What is asked of a place: the row of its cell, if it has one. */
export function rowAt(numberOf: ReadonlyMap<string, number>, resolution: number, [lng, lat]: [number, number]): number | undefined {
  return numberOf.get(latLngToCell(lat, lng, resolution));
}

/** Where the place is, and whether it is served: the part that is read out when it changes. */
export function placeHead(
  words: Words,
  language: string,
  scene: Scene,
  plan: Plan | null,
  row: number | undefined,
  place: [number, number] | null,
  of: number,
  close: () => void,
): Node[] {
  const heading = make("h2", {}, words.panel.name);
  if (!place) return [heading, make("p", {}, words.panel.hint)];
  const shut = make("button", { type: "button", class: "close", "aria-label": words.panel.close, click: close }, "×");
  const parts: Node[] = [heading, shut, ...where(words, language, scene, place)];
  if (row === undefined) return [...parts, make("p", { class: "answer" }, words.panel.outside)];
  if (!plan) return [...parts, make("p", { class: "answer" }, words.panel.noPlan)];
  const reason = REASONS[plan.reason[row * plan.classes.length + of]!]!;
  const most = plan.run?.whole ? [`${words.panel.mostly} `] : [];
  parts.push(make("p", { class: "answer" }, swatch(css(REASON_COLOURS[reason])), ...most, make("strong", {}, words.reasons[reason])));
  return [...parts, make("p", {}, words.why[reason])];
}

/** What the plan gives the cell. */
export function planned(words: Words, language: string, scene: Scene, plan: Plan, row: number): Node[] {
  if (plan.run?.whole) return [make("p", {}, ofRun(words, plan)), ...wholeRun(words, language, plan, row)];
  return [amounts(words, language, scene, plan, row), ...(plan.classes.length > 1 ? [byClass(words, plan, row)] : [])];
}

/** Of which time the figures are. */
export function ofRun(words: Words, { begins_ms, slot_ms }: Plan): string {
  return words.panel.ofRun(utc(begins_ms), utc(begins_ms + slot_ms));
}

function where(words: Words, language: string, scene: Scene, [lng, lat]: [number, number]): Node[] {
  const territory = territoryAt(scene.borders, lng, lat);
  const degrees = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const name = territory?.name ?? words.panel.sea;
  const nodes: Node[] = [make("p", { class: "where" }, `${name} · ${degrees.format(lat)}°, ${degrees.format(lng)}°`)];
  if (territory?.contested) {
    const who = (ids: string[] | undefined) => ids?.join(", ") || words.panel.nobody;
    const { also_called = [] } = territory;
    if (also_called.length > 0) nodes.push(make("p", { class: "quiet" }, `${words.panel.also}: ${also_called.join(", ")}`));
    const { administered, claimed } = words.panel;
    nodes.push(make("p", { class: "quiet" }, `${administered} ${who(territory.administered_by)}; ${claimed} ${who(territory.claimed_by)}`));
  }
  return nodes;
}

function amounts(words: Words, language: string, scene: Scene, plan: Plan, row: number): HTMLElement {
  const of = (names: { name: string }[] | string[], number: number) => {
    const one = number === NOBODY ? undefined : names[number];
    return typeof one === "object" ? one.name : (one ?? words.noValue);
  };
  const number = (value: number, unit: string, none: string) =>
    Number.isNaN(value) ? none : `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value)} ${unit}`;
  const list = make("dl");
  const say = (name: string, value: string) => list.append(make("dt", {}, name), make("dd", {}, value));
  const { panel } = words;
  say(panel.rtt, number(plan.rtt_ms[row]!, "ms", words.noValue));
  say(panel.satellite, of(scene.satellites.name, plan.satellite[row]!));
  say(panel.gateway, of(scene.gateways, plan.gateway[row]!));
  say(panel.pop, of(scene.pops, plan.pop[row]!));
  if (plan.run) {
    say(panel.capacity, panel.notOfSlots);
  } else {
    const none = plan.binding === null ? panel.notComputed : words.noValue;
    say(`${panel.down} (${panel.shared})`, number(plan.down_mbps[row]!, "Mbit/s", none));
    say(`${panel.up} (${panel.shared})`, number(plan.up_mbps[row]!, "Mbit/s", none));
    if (plan.binding !== null) list.append(...binds(words, panel.binds, bindingAt(plan, row)));
  }
  say(panel.seen, String(plan.seen[row]!));
  return list;
}

function byClass(words: Words, plan: Plan, row: number): HTMLElement {
  const body = make("tbody");
  plan.classes.forEach((name, of) => {
    const reason = REASONS[plan.reason[row * plan.classes.length + of]!]!;
    const answer = make("td", {}, swatch(css(REASON_COLOURS[reason])), words.reasons[reason]);
    body.append(make("tr", {}, make("th", { scope: "row" }, name), answer));
  });
  return make("table", {}, make("caption", {}, words.class), body);
}
