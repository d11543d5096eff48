// Coasts and borders as lines. Where the atlas closes its land, along ±180° and around the South Pole, there is none.

import type { Feature, MultiLineString, MultiPolygon, Polygon, Position } from "geojson";
import type { Outline, Territory } from "../data/scene";

const SOUTH_DEG = -84;

export function edgesOf(outline: Outline): Feature<MultiLineString, Territory> {
  const lines = ringsOf(outline.geometry).flatMap(open);
  return { type: "Feature", properties: outline.properties, geometry: { type: "MultiLineString", coordinates: lines } };
}

function ringsOf(geometry: Polygon | MultiPolygon): Position[][] {
  return geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
}

function open(ring: Position[]): Position[][] {
  const lines: Position[][] = [];
  let line: Position[] = [];
  for (let i = 1; i < ring.length; i++) {
    const [from, to] = [ring[i - 1]!, ring[i]!];
    if (isSeam(from, to)) {
      if (line.length > 1) lines.push(line);
      line = [];
    } else {
      if (line.length === 0) line.push(from);
      line.push(to);
    }
  }
  if (line.length > 1) lines.push(line);
  return lines;
}

function isSeam(from: Position, to: Position): boolean {
  const onMeridian = Math.abs(from[0]!) > 179.99 && Math.abs(to[0]!) > 179.99;
  return onMeridian || (from[1]! < SOUTH_DEG && to[1]! < SOUTH_DEG);
}

/** Where a territory's name stands: the middle of the box around its largest part. */
export function namePlace(geometry: Polygon | MultiPolygon): [number, number] {
  const outer = geometry.type === "Polygon" ? [geometry.coordinates[0]!] : geometry.coordinates.map((one) => one[0]!);
  const boxes = outer.map((ring) => {
    const [x, y] = [ring.map((at) => at[0]!), ring.map((at) => at[1]!)];
    return [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)] as const;
  });
  const size = ([west, south, east, north]: (typeof boxes)[0]) => (east - west) * (north - south);
  const [west, south, east, north] = boxes.reduce((most, one) => (size(one) > size(most) ? one : most));
  return [(west + east) / 2, (south + north) / 2];
}
