// Where evidence is from, on the map: a point, the circle of its uncertainty, and the cell that served it.

import type { Layer } from "@deck.gl/core";
import { PathLayer, ScatterplotLayer } from "@deck.gl/layers";
import { cellToBoundary, isValidCell } from "h3-js";
import { ringOf } from "../../map/cells";
import type { Where } from "./evidence";

const MARK = [214, 51, 108, 255] as const; // 4.5 : 1 on the light sea, 3.5 : 1 on the dark one

export function placeLayers(where: Where, globe: boolean): Layer[] {
  const parameters = { depthCompare: "always", cullMode: globe ? "back" : "none" };
  const circle = (id: string, radius: number, least: number, filled: boolean) =>
    new ScatterplotLayer({
      id, data: [where], getPosition: ({ lng, lat }: Where) => [lng, lat], getRadius: radius, radiusUnits: "meters", radiusMinPixels: least,
      filled, stroked: true, getFillColor: MARK, getLineColor: MARK, lineWidthUnits: "pixels", getLineWidth: 2, parameters,
    } as never);
  const layers: Layer[] = [circle("evidence-circle", where.radius_m, 10, false), circle("evidence-point", 1, 4, true)];
  if (!isValidCell(where.cell)) return layers;
  const ring = ringOf(cellToBoundary(where.cell, true) as [number, number][]);
  const path = new PathLayer({
    id: "evidence-cell", data: [ring], getPath: (one: [number, number][]) => one, getColor: MARK, widthUnits: "pixels", getWidth: 2, parameters: { depthCompare: "always" },
  } as never);
  return [path, ...layers];
}
