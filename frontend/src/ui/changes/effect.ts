// The effect of a change, as everybody may read it: a table by territory and class, and the same on the map.

import type { Layer } from "@deck.gl/core";
import { GeoJsonLayer } from "@deck.gl/layers";
import type { Scene } from "../../data/scene";
import type { Words } from "../../words";
import { make } from "../dom";
import { section, tableOf } from "./ask";
import { shown } from "./model";

interface Amount {
  cells: number;
  area_km2: number;
  people: number;
  terminals: number | null;
}
export interface Row {
  territory: string;
  class: string;
  lost: Amount;
  gained: Amount;
  may_lose: Amount;
}
export interface Effect {
  territories: Row[];
}
export type Fate = "loses" | "gains";

const ORANGE = [213, 94, 0];
const BLUE = [0, 114, 178];
const CLEAR = 110;

/** Who loses anything is told as who loses, whatever they gain. */
export function fates(rows: Row[]): Map<string, Fate> {
  const some = ({ cells, people, terminals }: Amount) => cells > 0 || people > 0 || (terminals ?? 0) > 0;
  const found = new Map<string, Fate>();
  for (const row of rows) if (some(row.gained)) found.set(row.territory, "gains");
  for (const row of rows) if (some(row.lost)) found.set(row.territory, "loses");
  return found;
}

export function effectSection(words: Words, language: string, effect: Effect): HTMLElement {
  const said = words.changes.effect;
  if (effect.territories.length === 0) return section("effect", said.name, make("p", {}, said.unchanged));
  const figures = ({ cells, area_km2, people, terminals }: Amount) => [
    ...(cells > 0 ? [`${cells.toLocaleString(language)} ${said.cells.toLowerCase()}, ${Math.round(area_km2).toLocaleString(language)} ${said.area}`] : []),
    ...(people > 0 ? [`${shown(people, language)} ${words.changes.people}`] : []),
    ...(terminals !== null && terminals > 0 ? [`${shown(terminals, language)} ${words.changes.terminals}`] : []),
  ];
  const amount = (one: Amount) => figures(one).join("; ") || "–";
  const rows = effect.territories.map((row) => [row.territory, row.class, amount(row.lost), amount(row.gained), amount(row.may_lose)]);
  const heads = [said.territory, said.class, said.lost, said.gained, said.mayLose];
  return section("effect", said.name, tableOf(said.note, heads, rows), make("p", { class: "quiet" }, said.map));
}

/** The territories on the map; the thick edge says without colours who loses. */
export function effectLayers(scene: Scene, rows: Row[], globe: boolean): Layer[] {
  const touched = fates(rows);
  const features = scene.borders.features.filter(({ properties }) => touched.has(properties.id));
  const loses = ({ properties }: (typeof features)[number]) => touched.get(properties.id) === "loses";
  const colour = (feature: (typeof features)[number]) => (loses(feature) ? ORANGE : BLUE);
  if (features.length === 0) return [];
  return [
    new GeoJsonLayer({
      id: "effect",
      data: { type: "FeatureCollection", features },
      getFillColor: (one: never) => [...colour(one), CLEAR],
      getLineColor: (one: never) => [...colour(one), 255],
      getLineWidth: (one: never) => (loses(one) ? 4 : 1),
      lineWidthUnits: "pixels",
      parameters: { depthCompare: "always", cullMode: globe ? "back" : "none" },
    } as never),
  ];
}
