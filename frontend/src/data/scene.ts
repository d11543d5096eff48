// A network as the server tells it once (openleo.console.scene).

import type { Feature, FeatureCollection, MultiPolygon, Polygon } from "geojson";
import type { Satellites } from "../orbits/motion";

export interface Station {
  name: string;
  lat_deg: number;
  lon_deg: number;
  territory: string;
}

/** What is said of a territory; the last three of contested areas alone. */
export interface Territory {
  id: string;
  name: string;
  contested: boolean;
  also_called?: string[];
  administered_by?: string[];
  claimed_by?: string[];
}
export type Outline = Feature<Polygon | MultiPolygon, Territory>;

export interface Scene {
  form: "openleo-scene@v1";
  name: string;
  network: string;
  start_ms: number;
  slot_ms: number;
  slot_phase_ms: number;
  resolution: number;
  classes: string[];
  user_elevation_deg: number;
  satellites: Satellites;
  isl: number[];
  gateways: Station[];
  pops: Station[];
  borders: FeatureCollection<Polygon | MultiPolygon, Territory>;
  attribution: string[];
}

/** The slot that an instant lies in: number 0 began at 1970, shifted by the phase. */
export function slotAt(scene: Scene, atMs: number): number {
  return Math.floor((atMs - scene.slot_phase_ms) / scene.slot_ms);
}

/** The territory on whose land a place lies; undefined at sea. A ring that holds it an odd number of times. */
export function territoryAt(borders: Scene["borders"], lngDeg: number, latDeg: number): Territory | undefined {
  return borders.features.find(({ geometry }) => {
    const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    return polygons.some((rings) => rings.filter((ring) => holds(ring, lngDeg, latDeg)).length % 2 === 1);
  })?.properties;
}

function holds(ring: number[][], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [ring[i] as [number, number], ring[j] as [number, number]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}
