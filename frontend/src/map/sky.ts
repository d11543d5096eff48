// Satellites and links as arrays to draw, from where they are and from where they are looked at.

/** Nobody sees through the Earth: 1 for places that are seen from `eyeKm` (x, y, z), and 0 for those behind it. */
export function seenFrom(km: Float64Array, [ex, ey, ez]: readonly [number, number, number], seen: Uint8Array): Uint8Array {
  const eye2 = ex * ex + ey * ey + ez * ez;
  const horizon2 = eye2 - 6371 * 6371; // squared distance to the horizon
  for (let i = 0, satellite = 0; i < km.length; i += 3, satellite++) {
    const dx = km[i]! - ex;
    const dy = km[i + 1]! - ey;
    const dz = km[i + 2]! - ez;
    const towards = -(dx * ex + dy * ey + dz * ez); // along the line to the Earth's centre, times the eye's distance
    const distance2 = dx * dx + dy * dy + dz * dz;
    seen[satellite] = towards > horizon2 && towards * towards > horizon2 * distance2 ? 0 : 1;
  }
  return seen;
}

/** The eye of a perspective camera that looks straight at a place, in Earth-fixed kilometres. */
export function eyeOver(lngDeg: number, latDeg: number, heightKm: number): [number, number, number] {
  const [lng, lat, r] = [(lngDeg * Math.PI) / 180, (latDeg * Math.PI) / 180, 6371 + heightKm];
  return [r * Math.cos(lat) * Math.cos(lng), r * Math.cos(lat) * Math.sin(lng), r * Math.sin(lat)];
}

/** Both ends of each pair of which both are seen, in a row; gives how many. On a flat map a link takes the shorter way. */
export function linkEnds(pairs: Int32Array, places: Float32Array, from: Float32Array, to: Float32Array, flat: boolean): number {
  let at = 0;
  for (let link = 0; link < pairs.length; link += 2) {
    const a = 3 * pairs[link]!;
    const b = 3 * pairs[link + 1]!;
    const west = places[a]!;
    let east = places[b]!;
    if (west !== west || east !== east) continue; // NaN: one of them is not seen
    if (flat) east -= 360 * Math.round((east - west) / 360);
    from[at] = west;
    from[at + 1] = places[a + 1]!;
    from[at + 2] = places[a + 2]!;
    to[at] = east;
    to[at + 1] = places[b + 1]!;
    to[at + 2] = places[b + 2]!;
    at += 3;
  }
  return at / 3;
}

const FIELD_OF_VIEW_RAD = 0.6435011087932844; // MapLibre's

/** How high the eye is over a globe that MapLibre draws `heightPx` high on the screen. */
export function eyeHeightKm(zoom: number, latDeg: number, heightPx: number): number {
  const radiusPx = (512 * 2 ** zoom) / (2 * Math.PI) / Math.cos((latDeg * Math.PI) / 180);
  return (heightPx / 2 / Math.tan(FIELD_OF_VIEW_RAD / 2) / radiusPx) * 6371;
}
