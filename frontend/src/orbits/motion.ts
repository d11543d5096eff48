// Where satellites are, whatever they are moved by, in kilometres and as places over the Earth.

import { moverOfCircles, type Circles } from "./circles";
import { moverOfElements, type Elements } from "./elements";

/** Satellites of files of ephemerides: there is nothing to move them by here. */
export interface Unmoved {
  moved_by: "nothing";
  name: string[];
}
export type Satellites = Circles | Elements | Unmoved;

/** Writes Earth-fixed positions (x, y, z in km a satellite) at an instant. */
export type Mover = (atMs: number, outKm: Float64Array) => void;

const MOVERS: { [by in Satellites["moved_by"]]: (satellites: never) => Mover } = {
  circles: moverOfCircles,
  sgp4: moverOfElements,
  nothing: () => (_atMs, outKm) => void outKm.fill(0),
};

export function moverOf(satellites: Satellites): Mover {
  return MOVERS[satellites.moved_by](satellites as never);
}

const RADIUS_KM = 6378.137; // WGS 84 (NGA.STND.0036)
const FLATTENING = 1 / 298.257223563;
const POLAR_KM = RADIUS_KM * (1 - FLATTENING);
const E2 = FLATTENING * (2 - FLATTENING);
const SECOND_E2 = E2 / (1 - E2);
const DEG = 180 / Math.PI;

/** Longitude and latitude in degrees and height in metres above the ellipsoid, a satellite after another.
 *
 *  One step of Bowring's formula: off by less than a millimetre below 6,000 km. Who is at the Earth's centre is
 *  nowhere: its place is NaN, which nothing draws.
 */
export function placesOf(km: Float64Array, out: Float32Array, onGround: boolean): void {
  for (let i = 0; i < km.length; i += 3) {
    const [x, y, z] = [km[i]!, km[i + 1]!, km[i + 2]!];
    const p = Math.hypot(x, y);
    if (p + Math.abs(z) < 1) {
      out[i] = out[i + 1] = out[i + 2] = NaN;
      continue;
    }
    const u = Math.atan2(z * RADIUS_KM, p * POLAR_KM);
    const latitude = Math.atan2(z + SECOND_E2 * POLAR_KM * Math.sin(u) ** 3, p - E2 * RADIUS_KM * Math.cos(u) ** 3);
    const sin = Math.sin(latitude);
    const normal = RADIUS_KM / Math.sqrt(1 - E2 * sin * sin);
    out[i] = Math.atan2(y, x) * DEG;
    out[i + 1] = latitude * DEG;
    out[i + 2] = onGround ? 0 : (p * Math.cos(latitude) + z * sin - (RADIUS_KM * RADIUS_KM) / normal) * 1000;
  }
}
