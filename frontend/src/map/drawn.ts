// What a rule that is tried changes, by cell, and the outline that is drawn: colours, and layers for deck.gl.

import type { Layer } from "@deck.gl/core";
import { PathLayer, ScatterplotLayer } from "@deck.gl/layers";
import { byVertex, type CellShapes } from "./cells";
import type { Rgb } from "./colours";
import { dense, type Vertex } from "./draw";
import { cellLayer } from "./layers";

// From the palette of Okabe and Ito; drawn.test.ts holds that they differ in lightness too.
export const CHANGE_COLOURS: { [change: string]: Rgb } = {
  lost: [213, 94, 0],
  gained: [0, 114, 178],
  may_lose: [230, 159, 0],
  may_gain: [86, 180, 233],
  may_change: [240, 228, 66],
  gets_less: [204, 121, 167],
  gets_more: [0, 158, 115],
  stays_in: [190, 190, 190],
  stays_dependent: [160, 160, 160],
  stays_out: [110, 110, 110],
  unreached: [60, 60, 60],
};
export const STATE_COLOURS: { [state: string]: Rgb } = {
  yes: [0, 114, 178],
  no: [213, 94, 0],
  depends: [240, 228, 66],
  out_of_reach: [60, 60, 60],
};
const SOLID = 235; // what was drawn below must not mix with it

/** Red, green, blue and alpha of every cell, by a code each and the names of codes. */
export function coloursOfCodes(codes: Uint8Array, names: string[], colours: { [name: string]: Rgb }): Uint8Array {
  const out = new Uint8Array(4 * codes.length);
  codes.forEach((code, cell) => {
    const [red, green, blue] = colours[names[code] ?? ""] ?? [128, 128, 128];
    out.set([red, green, blue, SOLID], 4 * cell);
  });
  return out;
}

/** Codes with those of before left of a line, and those of after right of it. `xOf`: where a cell's centre is drawn. */
export function swiped(before: Uint8Array, after: Uint8Array, lineX: number, xOf: (cell: number) => number): Uint8Array {
  return before.map((code, cell) => (code === after[cell] || xOf(cell) < lineX ? code : after[cell]!));
}

export function triedCells(shapes: CellShapes, colours: Uint8Array, globe: boolean): Layer {
  const vertices = byVertex(colours, shapes, new Uint8Array(4 * shapes.startIndices[shapes.length]!));
  return cellLayer(shapes, vertices, globe).clone({ id: "tried-cells" } as never);
}

/** The outline, or what there is of it, with its vertices. */
export function outlineLayers(vertices: readonly Vertex[], ring: readonly Vertex[], colour: Rgb, globe: boolean): Layer[] {
  const parameters = { depthCompare: "always", cullMode: globe ? "back" : "none" };
  const path = new PathLayer({
    id: "drawn-outline", data: [dense(ring)], getPath: (one: [number, number][]) => one, getColor: colour, getWidth: 3, widthUnits: "pixels", parameters,
  } as never);
  const dots = new ScatterplotLayer({
    id: "drawn-vertices", data: vertices, getPosition: (one: Vertex) => one, getFillColor: colour, getRadius: 5, radiusUnits: "pixels", parameters,
  } as never);
  return [path, dots];
}
