// Satellites and links as arrays to draw, from where they are and from where they are looked at.

/** Nobody sees through the Earth: places behind it, seen from `eyeKm` (x, y, z), become NaN, which nothing draws. */
export function hideBehindEarth(km: Float64Array, eyeKm: readonly [number, number, number], places: Float32Array): void {
  const [ex, ey, ez] = eyeKm;
  const eye2 = ex * ex + ey * ey + ez * ez;
  const horizon2 = eye2 - 6371 * 6371; // squared distance to the horizon
  for (let i = 0; i < km.length; i += 3) {
    const [dx, dy, dz] = [km[i]! - ex, km[i + 1]! - ey, km[i + 2]! - ez];
    const towards = -(dx * ex + dy * ey + dz * ez); // along the line to the Earth's centre, times the eye's distance
    const distance2 = dx * dx + dy * dy + dz * dz;
    const beyond = towards > horizon2 && towards * towards > horizon2 * distance2;
    if (beyond) places[i] = places[i + 1] = places[i + 2] = NaN;
  }
}

/** The eye of a perspective camera that looks straight at a place, in Earth-fixed kilometres. */
export function eyeOver(lngDeg: number, latDeg: number, heightKm: number): [number, number, number] {
  const [lng, lat, r] = [(lngDeg * Math.PI) / 180, (latDeg * Math.PI) / 180, 6371 + heightKm];
  return [r * Math.cos(lat) * Math.cos(lng), r * Math.cos(lat) * Math.sin(lng), r * Math.sin(lat)];
}

/** Both ends of each pair that is drawn. On a flat map a link takes the shorter way around the Earth. */
export function linkEnds(pairs: Int32Array, places: Float32Array, from: Float32Array, to: Float32Array, flat: boolean): void {
  for (let link = 0; 2 * link < pairs.length; link++) {
    const [a, b, at] = [3 * pairs[2 * link]!, 3 * pairs[2 * link + 1]!, 3 * link];
    const missing = Number.isNaN(places[a]!) || Number.isNaN(places[b]!);
    for (let axis = 0; axis < 3; axis++) {
      from[at + axis] = missing ? NaN : places[a + axis]!;
      to[at + axis] = missing ? NaN : places[b + axis]!;
    }
    if (flat) to[at] = to[at]! - 360 * Math.round((to[at]! - from[at]!) / 360);
  }
}

const FIELD_OF_VIEW_RAD = 0.6435011087932844; // MapLibre's

/** How high the eye is over a globe that MapLibre draws `heightPx` high on the screen. */
export function eyeHeightKm(zoom: number, latDeg: number, heightPx: number): number {
  const radiusPx = (512 * 2 ** zoom) / (2 * Math.PI) / Math.cos((latDeg * Math.PI) / 180);
  return (heightPx / 2 / Math.tan(FIELD_OF_VIEW_RAD / 2) / radiusPx) * 6371;
}
