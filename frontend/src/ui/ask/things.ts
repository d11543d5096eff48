// What a plan gives through one satellite, gateway or PoP, and to one territory: counted from its columns.

import { cellToLatLng } from "h3-js";
import { REASONS, type Plan, type Reason } from "../../data/plan";
import { territoryAt, type Outline, type Scene } from "../../data/scene";

/** Rows of the cells whose column has a number. */
export function rowsOf(column: ArrayLike<number>, number: number): number[] {
  const rows: number[] = [];
  for (let row = 0; row < column.length; row++) if (column[row] === number) rows.push(row);
  return rows;
}

/** Rows of the cells whose middle lies on a territory's land. */
export function rowsIn(borders: Scene["borders"], cells: readonly string[], id: string): number[] {
  const outline = borders.features.find(({ properties }) => properties.id === id);
  if (!outline) return [];
  const [west, south, east, north] = boxOf(outline);
  const only = { type: "FeatureCollection" as const, features: [outline] };
  return cells.flatMap((cell, row) => {
    const [lat, lng] = cellToLatLng(cell);
    const near = lng >= west && lng <= east && lat >= south && lat <= north;
    return near && territoryAt(only, lng, lat) ? [row] : [];
  });
}

function boxOf({ geometry }: Outline): [number, number, number, number] {
  const rings = geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
  let [west, south, east, north] = [180, 90, -180, -90];
  for (const ring of rings) {
    for (const [x, y] of ring as [number, number][]) {
      [west, east, south, north] = [Math.min(west, x), Math.max(east, x), Math.min(south, y), Math.max(north, y)];
    }
  }
  return [west, south, east, north];
}

/** How many of some cells a class is served in, and in how many not, by reason; only what there is. */
export function countsOf(plan: Plan, rows: readonly number[], of: number): [Reason, number][] {
  const counts = new Map<Reason, number>();
  for (const row of rows) {
    const reason = REASONS[plan.reason[row * plan.classes.length + of]!]!;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return REASONS.flatMap((reason) => (counts.has(reason) ? [[reason, counts.get(reason)!] as [Reason, number]] : []));
}
