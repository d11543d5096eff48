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
 *  nowhere, and so is who is not `seen`: their place is NaN, which nothing draws. Ten thousand are placed in each frame:
 *  sines and cosines are had from sides by square roots, which cost a tenth of them.
 */
export function placesOf(km: Float64Array, out: Float32Array, onGround: boolean, seen?: Uint8Array): void {
  for (let i = 0, satellite = 0; i < km.length; i += 3, satellite++) {
    const x = km[i]!;
    const y = km[i + 1]!;
    const z = km[i + 2]!;
    const p = Math.sqrt(x * x + y * y);
    if (p + Math.abs(z) < 1 || (seen && seen[satellite] === 0)) {
      out[i] = out[i + 1] = out[i + 2] = NaN;
      continue;
    }
    const zu = z * RADIUS_KM; // the sides of Bowring's angle
    const pu = p * POLAR_KM;
    const u = 1 / Math.sqrt(zu * zu + pu * pu);
    const sinU = zu * u;
    const cosU = pu * u;
    const high = z + SECOND_E2 * POLAR_KM * sinU * sinU * sinU; // the sides of the latitude
    const wide = p - E2 * RADIUS_KM * cosU * cosU * cosU;
    out[i] = Math.atan2(y, x) * DEG;
    out[i + 1] = Math.atan2(high, wide) * DEG;
    if (onGround) {
      out[i + 2] = 0;
      continue;
    }
    const side = 1 / Math.sqrt(high * high + wide * wide);
    const sin = high * side;
    out[i + 2] = (p * wide * side + z * sin - RADIUS_KM * Math.sqrt(1 - E2 * sin * sin)) * 1000;
  }
}
