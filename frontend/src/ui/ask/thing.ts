// The panel of a satellite, gateway, PoP, territory or terminal that somebody searched for.

import type { Plan } from "../../data/plan";
import type { Scene, Station, Territory } from "../../data/scene";
import { REASON_COLOURS, css } from "../../map/colours";
import type { Words } from "../../words";
import { make, swatch } from "../dom";
import type { Kind } from "./find";
import { countsOf } from "./things";

export interface Terminal {
  id: string;
  class: string;
  state: string;
  home_territory: string;
}

/** Name and value of each line. */
export type Lines = [string, string | Node][];

export function thingPanel(words: Words, kind: Kind, name: string, lines: Lines, close: () => void, ...more: Node[]): Node[] {
  const shut = make("button", { type: "button", class: "close", "aria-label": words.panel.close, click: close }, "×");
  const list = make("dl");
  for (const [term, value] of lines) list.append(make("dt", {}, term), make("dd", {}, value));
  return [make("h2", {}, words.search.kinds[kind]), shut, make("p", { class: "where answer" }, name), list, ...more];
}

export function stationLines(words: Words, borders: Scene["borders"], station: Station): Lines {
  const territory = borders.features.find(({ properties }) => properties.id === station.territory)?.properties.name;
  return [[words.panel.territory, territory ?? (station.territory || words.panel.notStated)], [words.panel.position, positionText(station.lat_deg, station.lon_deg)]];
}

export function satelliteLines(words: Words, [lng, lat, height_m]: [number, number, number]): Lines {
  if (Number.isNaN(lng)) return [[words.panel.position, words.panel.notComputed]];
  return [[words.panel.over, positionText(lat, lng)], [words.panel.height, `${Math.round(height_m / 1000)} km`]];
}

export function territoryLines(words: Words, territory: Territory): Lines {
  const lines: Lines = [[words.panel.code, territory.id]];
  if (territory.also_called?.length) lines.push([words.panel.also, territory.also_called.join(", ")]);
  if (territory.contested) {
    lines.push([words.panel.administered, territory.administered_by?.join(", ") || words.panel.nobody]);
    lines.push([words.panel.claimed, territory.claimed_by?.join(", ") || words.panel.nobody]);
  }
  return lines;
}

/** In how many of some cells a class is served, or why not. */
export function servedTable(words: Words, plan: Plan | null, rows: readonly number[], of: number, said = words.panel.cellsIn): Node {
  if (!plan) return make("p", {}, words.panel.noPlan);
  if (rows.length === 0) return make("p", {}, words.panel.noCells);
  const body = make("tbody");
  for (const [reason, count] of countsOf(plan, rows, of)) {
    const named = make("th", { scope: "row" }, swatch(css(REASON_COLOURS[reason])), words.reasons[reason]);
    body.append(make("tr", {}, named, make("td", { class: "number" }, String(count))));
  }
  const heads = make("tr", {}, make("th", { scope: "col" }, words.panel.state), make("th", { scope: "col" }, words.panel.cells));
  return make("table", {}, make("caption", {}, said(rows.length, plan.classes[of] ?? "")), make("thead", {}, heads), body);
}

export function positionText(lat: number, lng: number): string {
  return `${lat.toFixed(2)}°, ${lng.toFixed(2)}°`;
}
