// What deck.gl draws: cells, into the map's own canvas, satellites and the links between them, over it.

import { LineLayer, ScatterplotLayer, SolidPolygonLayer } from "@deck.gl/layers";
import type { Layer } from "@deck.gl/core";
import type { CellShapes } from "./cells";
import { UNDER, type Palette } from "./style";

// On the globe the ground shares its depth with the map's: it is drawn in order instead, the side towards us alone.
const ON_GROUND = { depthCompare: "always", cullMode: "back" } as const;
const IN_SPACE = { depthCompare: "always", cullMode: "none" } as const;

export function cellLayer(shapes: CellShapes, colours: Uint8Array, globe: boolean): Layer {
  return new SolidPolygonLayer({
    id: "cells",
    beforeId: UNDER,
    data: {
      length: shapes.length,
      startIndices: shapes.startIndices,
      attributes: {
        getPolygon: { value: shapes.positions, size: 2 },
        getFillColor: { value: colours, size: 4, normalized: true },
        indices: { value: shapes.indices, size: 1 },
      },
    },
    positionFormat: "XY",
    _normalize: false,
    filled: true,
    extruded: false,
    parameters: globe ? ON_GROUND : { depthCompare: "always" },
  } as never);
}

export function satelliteLayer(places: Float32Array, palette: Palette): Layer {
  return new ScatterplotLayer({
    id: "satellites",
    data: { length: places.length / 3, attributes: { getPosition: { value: places, size: 3 } } },
    getRadius: 1.6,
    radiusUnits: "pixels",
    billboard: true,
    stroked: false,
    getFillColor: palette.satellite as never,
    parameters: IN_SPACE,
  } as never);
}

export function linkLayer(from: Float32Array, to: Float32Array, count: number, palette: Palette): Layer {
  return new LineLayer({
    id: "links",
    data: {
      length: count,
      attributes: { getSourcePosition: { value: from, size: 3 }, getTargetPosition: { value: to, size: 3 } },
    },
    getColor: palette.link as never,
    getWidth: 1,
    widthUnits: "pixels",
    parameters: IN_SPACE,
  } as never);
}
