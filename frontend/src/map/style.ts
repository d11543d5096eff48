// What MapLibre draws: sea, land, coasts and borders, contested areas, gateways, PoPs and their names.
//
// Everything comes with the scene: no tiles, no sprites, and no glyphs but those that the browser's own fonts give.

import type { FeatureCollection, Point } from "geojson";
import type { LayerSpecification, StyleSpecification } from "maplibre-gl";
import type { Outline, Scene, Station } from "../data/scene";
import { holderOf, nameOf, type PointOfView } from "./contested";
import { edgesOf, namePlace } from "./edges";

export interface Palette {
  sea: string;
  land: string;
  line: string;
  ink: string;
  halo: string;
  gateway: string;
  pop: string;
  satellite: readonly [number, number, number, number];
  link: readonly [number, number, number, number];
}
export const PALETTES: { [shade in "light" | "dark"]: Palette } = {
  light: {
    sea: "#dfe8ee", land: "#f5f3ee", line: "#4a5a66", ink: "#1d252b", halo: "#ffffff", gateway: "#7a3b00",
    pop: "#4b2e83", satellite: [20, 30, 40, 255], link: [60, 80, 100, 90],
  },
  dark: {
    sea: "#10181f", land: "#27323b", line: "#8fa3b3", ink: "#eef3f7", halo: "#0b1116", gateway: "#ffb870",
    pop: "#cbb7ff", satellite: [255, 255, 255, 255], link: [150, 180, 210, 90],
  },
};
export const HATCH = "hatch";
export const UNDER = "edges"; // cells are drawn below this layer
const FONT = ["sans-serif"];

/** What depends on whose point of view is taken: outlines, hatched areas, and the names of contested ones. */
export function bordersSeen(borders: Scene["borders"], pov: PointOfView): { [source in "edges" | "contested" | "names"]: FeatureCollection } {
  const held = ({ properties }: Outline) => holderOf(properties, pov);
  const disputed = borders.features.filter(({ properties }) => properties.contested);
  const edges = borders.features.map((one) => {
    const edge = edgesOf(one);
    return held(one) === null ? edge : { ...edge, properties: { ...edge.properties, contested: false } };
  });
  const names = disputed.map((one) => ({
    type: "Feature" as const,
    properties: { name: labelOf(borders, one, held(one)) },
    geometry: { type: "Point" as const, coordinates: namePlace(one.geometry) },
  }));
  return {
    edges: { type: "FeatureCollection", features: edges },
    contested: { type: "FeatureCollection", features: disputed.filter((one) => held(one) === null) },
    names: { type: "FeatureCollection", features: names },
  };
}

/** An area's name and the next one; drawn as somebody's, its name and theirs. */
function labelOf(borders: Scene["borders"], { properties: { id, name, also_called = [] } }: Outline, holder: string | null): string {
  if (holder === null) return [name, ...also_called].slice(0, 2).join("\n");
  return holder === id ? name : `${name}\n(${nameOf(borders, holder)})`;
}

export function styleOf(scene: Scene, palette: Palette, globe: boolean, pov: PointOfView): StyleSpecification {
  const { borders } = scene;
  const seen = bordersSeen(borders, pov);
  return {
    version: 8,
    projection: { type: globe ? "globe" : "mercator" },
    sources: {
      land: { type: "geojson", data: borders, attribution: scene.attribution[0] ?? "" },
      edges: { type: "geojson", data: seen.edges },
      contested: { type: "geojson", data: seen.contested },
      names: { type: "geojson", data: seen.names },
      gateways: { type: "geojson", data: stations(scene.gateways) },
      pops: { type: "geojson", data: stations(scene.pops) },
      place: { type: "geojson", data: placeAt(null) },
    },
    layers: layersOf(palette),
  };
}

function layersOf(palette: Palette): LayerSpecification[] {
  const dot = (id: string, colour: string, radius: number): LayerSpecification => ({
    id, type: "circle", source: id,
    paint: {
      "circle-color": colour, "circle-stroke-color": palette.halo, "circle-stroke-width": 1,
      "circle-radius": ["interpolate", ["linear"], ["zoom"], 1, radius * 0.5, 6, radius * 1.3],
    },
  });
  const label = (id: string, source: string, colour: string, minzoom: number, above: boolean): LayerSpecification => ({
    id, type: "symbol", source, minzoom,
    layout: {
      "text-field": ["get", "name"], "text-font": FONT, "text-size": 12, "text-padding": 4,
      "text-anchor": above ? "bottom" : "top", "text-offset": [0, above ? -0.5 : 0.5],
    },
    paint: { "text-color": colour, "text-halo-color": palette.halo, "text-halo-width": 1.4 },
  });
  return [
    { id: "sea", type: "background", paint: { "background-color": palette.sea } },
    { id: "land", type: "fill", source: "land", paint: { "fill-color": palette.land, "fill-antialias": false } },
    {
      id: UNDER, type: "line", source: "edges", filter: ["!", ["get", "contested"]],
      paint: { "line-color": palette.line, "line-width": ["interpolate", ["linear"], ["zoom"], 1, 0.5, 6, 1.2] },
    },
    { id: "contested", type: "fill", source: "contested", paint: { "fill-pattern": HATCH } },
    {
      id: "contested-edges", type: "line", source: "edges", filter: ["get", "contested"],
      paint: { "line-color": palette.ink, "line-width": 1, "line-dasharray": [3, 2] },
    },
    dot("gateways", palette.gateway, 4),
    dot("pops", palette.pop, 5),
    label("contested-names", "names", palette.ink, 4, true),
    label("gateway-names", "gateways", palette.gateway, 4, false),
    label("pop-names", "pops", palette.pop, 2.5, true),
    {
      id: "place", type: "circle", source: "place",
      paint: {
        "circle-radius": 8, "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": palette.ink,
        "circle-stroke-width": 3,
      },
    },
  ];
}

export const GROUND_LAYERS = ["gateways", "pops", "gateway-names", "pop-names"];

export function placeAt(place: [number, number] | null): FeatureCollection<Point> {
  const features = place ? [{ type: "Feature" as const, properties: {}, geometry: { type: "Point" as const, coordinates: place } }] : [];
  return { type: "FeatureCollection", features };
}

function stations(of: Station[]): FeatureCollection<Point> {
  return {
    type: "FeatureCollection",
    features: of.map(({ name, lat_deg, lon_deg }) => ({
      type: "Feature",
      properties: { name },
      geometry: { type: "Point", coordinates: [lon_deg, lat_deg] },
    })),
  };
}

/** Diagonal strokes that repeat without a seam. */
export function hatch(shade: "light" | "dark"): { width: number; height: number; data: Uint8Array } {
  const side = 12;
  const data = new Uint8Array(4 * side * side);
  const ink = shade === "light" ? 30 : 225;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) data.set([ink, ink, ink, (x + y) % side < 2 ? 170 : 0], 4 * (y * side + x));
  }
  return { width: side, height: side, data };
}
