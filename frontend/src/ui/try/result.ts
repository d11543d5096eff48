// The effect in tables: every number as the server tells it.

import type { Words } from "../../words";
import { make } from "../dom";
import { changes, elsewhereOf, few, linesOf, qualityOf, whole, type Effect, type Line } from "./effect";

export function resultOf(words: Words, language: string, nameOf: (territory: string) => string, effect: Effect): HTMLElement[] {
  const said = words.trying;
  const heading = make("h3", { id: "try-effect-name", tabindex: "-1" }, said.result);
  const about = make("p", { class: "quiet" }, said.ofNetwork(whole(effect.slots, language)));
  const found: HTMLElement[] = [heading, about];
  if (changes(effect)) found.push(changesTable(words, language, nameOf, effect));
  else found.push(make("p", { class: "answer" }, said.nothing));
  found.push(...terminalsSaid(words, language, effect).map((text) => make("p", { class: "quiet" }, text)));
  const quality = qualityOf(effect);
  if (quality.length > 0) found.push(qualityTable(words, language, nameOf, quality));
  if (effect.edges.length > 0) found.push(make("p", {}, `${said.ahead} ${effect.edges.map(({ at }) => at).join(", ")}`));
  if (effect.notes.length > 0) {
    const list = make("ul", {}, ...effect.notes.map((note) => make("li", {}, note)));
    found.push(make("details", {}, make("summary", {}, said.notes), list));
  }
  return found;
}

/** Who counted terminals, and which are in no row; or who may. */
export function terminalsSaid(words: Words, language: string, effect: Effect): string[] {
  const said = words.trying;
  const { counted } = effect;
  if (!counted) return changes(effect) ? [said.notCounted] : [];
  const { lost, gained } = elsewhereOf(counted);
  return [
    said.counted(whole(counted.terminals, language)),
    ...(counted.not_counted > 0 ? [said.unplaced(whole(counted.not_counted, language))] : []),
    ...(lost || gained ? [said.elsewhere(whole(lost, language), whole(gained, language))] : []),
  ];
}

/** Terminals of a line: as many as there are, for who may know; else as everybody may read it. */
export function terminalsOf({ amount, exact }: Line, language: string): string {
  return exact === undefined ? few(amount.terminals, language) || "–" : whole(exact, language);
}

function changesTable(words: Words, language: string, nameOf: (territory: string) => string, effect: Effect): HTMLElement {
  const said = words.trying;
  const body = make("tbody");
  for (const line of linesOf(effect)) {
    const { territory, class: of, kind, amount } = line;
    const row = make("tr", { "data-territory": territory, "data-class": of, "data-kind": kind });
    row.append(
      make("th", { scope: "row" }, territory === "" ? said.all : nameOf(territory), make("span", { class: "quiet" }, ` ${of}`)), make("td", {}, said.kinds[kind]),
      number(whole(amount.cells, language), "cells"), number(whole(amount.area_km2, language), "area_km2"),
      number(few(amount.people, language) || "–", "people"), number(terminalsOf(line, language), "terminals"),
    );
    body.append(row);
  }
  const { columns } = said;
  const heads = [columns.territory, columns.change, columns.cells, columns.area, columns.people, columns.terminals];
  return scrolling(table("try-changes", said.changesCaption, heads, body), said.changesCaption);
}

function qualityTable(words: Words, language: string, nameOf: (territory: string) => string, rows: Effect["territories"]): HTMLElement {
  const said = words.trying;
  const value = (one: number | null) => (one === null ? "–" : whole(one, language));
  const pair = ([before, after]: [number | null, number | null]) => (before === null && after === null ? "–" : `${value(before)} → ${value(after)}`);
  const body = make("tbody");
  for (const one of rows) {
    const row = make("tr", { "data-territory": one.territory, "data-class": one.class });
    row.append(
      make("th", { scope: "row" }, nameOf(one.territory), make("span", { class: "quiet" }, ` ${one.class}`)),
      number(pair(one.rtt_ms_p50), "rtt_ms_p50"), number(pair(one.down_mbps_p50), "down_mbps_p50"), number(pair(one.up_mbps_p50), "up_mbps_p50"),
      number(few(one.spill_people, language) || "–", "spill_people"),
    );
    body.append(row);
  }
  const heads = [said.columns.territory, said.quality.rtt, said.quality.down, said.quality.up, said.quality.spill];
  return scrolling(table("try-quality", said.qualityCaption, heads, body), said.qualityCaption);
}

function table(id: string, caption: string, heads: string[], body: HTMLElement): HTMLElement {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  return make("table", { id }, make("caption", {}, caption), make("thead", {}, head), body);
}

/** A wide table moves in a box of its own, which the keyboard reaches. */
function scrolling(inner: HTMLElement, name: string): HTMLElement {
  return make("div", { class: "scrolling", tabindex: "0", role: "region", "aria-label": name }, inner);
}

function number(text: string, field: string): HTMLElement {
  return make("td", { class: "number", "data-field": field }, text);
}
