// The cells as polygons for the graphics card: made once for a network, coloured anew for each slot.

import { cellToBoundary, cellToLatLng } from "h3-js";

export interface CellShapes {
  length: number;
  /** Longitude and latitude of all vertices, one closed ring after another. */
  positions: Float64Array;
  startIndices: Uint32Array;
  /** Triangles: three vertices each. */
  indices: Uint32Array;
}

export function shapesOf(cells: string[]): CellShapes {
  const rings = cells.map((cell) => ringOf(cellToBoundary(cell, true) as [number, number][]));
  const startIndices = new Uint32Array(cells.length + 1);
  rings.forEach((ring, cell) => (startIndices[cell + 1] = startIndices[cell]! + ring.length));
  const positions = new Float64Array(2 * startIndices[cells.length]!);
  rings.forEach((ring, cell) => positions.set(ring.flat(), 2 * startIndices[cell]!));
  return { length: cells.length, positions, startIndices, indices: fans(startIndices) };
}

/** Each ring as triangles from its first vertex. Cells are convex: looking for ears would take longer than all else. */
export function fans(startIndices: Uint32Array): Uint32Array {
  const rings = startIndices.length - 1;
  const indices = new Uint32Array(Math.max(0, 3 * (startIndices[rings]! - 3 * rings)));
  let at = 0;
  for (let ring = 0; ring < rings; ring++) {
    const [first, end] = [startIndices[ring]!, startIndices[ring + 1]!];
    for (let vertex = first + 1; vertex + 2 < end; vertex++) {
      indices[at++] = first;
      indices[at++] = vertex;
      indices[at++] = vertex + 1;
    }
  }
  return indices;
}

/** A closed ring whose longitudes run on beyond ±180° where it crosses the antimeridian.
 *
 *  A ring around a pole does not close so: it runs along its parallel and back along the pole.
 */
export function ringOf(boundary: [number, number][]): [number, number][] {
  const ring = boundary.slice();
  for (let i = 1; i < ring.length; i++) {
    const [lng, lat] = ring[i]!;
    ring[i] = [lng - 360 * Math.round((lng - ring[i - 1]![0]) / 360), lat];
  }
  const [first, last] = [ring[0]!, ring[ring.length - 1]!];
  if (Math.abs(last[0] - first[0]) > 180) {
    const pole = first[1] > 0 ? 90 : -90;
    ring.push([last[0], pole], [first[0], pole], first);
  }
  return ring;
}

/** A value of four bytes a cell, repeated for each of its vertices. */
export function byVertex(byCell: Uint8Array, { startIndices, length }: CellShapes, out: Uint8Array): Uint8Array {
  const [from, to] = [new Uint32Array(byCell.buffer, byCell.byteOffset), new Uint32Array(out.buffer, out.byteOffset)];
  for (let cell = 0; cell < length; cell++) to.fill(from[cell]!, startIndices[cell], startIndices[cell + 1]);
  return out;
}

const ENOUGH = 2_000;

/** The middle of all cells on the sphere, where the page first looks; none where they lie all around it. */
export function middleOf(cells: string[]): { lng: number; lat: number } | undefined {
  let [x, y, z] = [0, 0, 0];
  const looked = cells.filter((_, at) => at % Math.ceil(cells.length / ENOUGH) === 0); // of a world, a few: it is no less so
  for (const cell of looked) {
    const [lat, lng] = cellToLatLng(cell).map((degrees) => (degrees * Math.PI) / 180) as [number, number];
    x += Math.cos(lat) * Math.cos(lng);
    y += Math.cos(lat) * Math.sin(lng);
    z += Math.sin(lat);
  }
  if (Math.hypot(x, y, z) < 0.3 * looked.length || looked.length === 0) return undefined;
  return { lng: (Math.atan2(y, x) * 180) / Math.PI, lat: (Math.atan2(z, Math.hypot(x, y)) * 180) / Math.PI };
}
