// Positions of element sets: SGP4 (satellite.js), from the mean elements as an OMM has them, and a cubic in between.

import { json2satrec, sgp4, type OMMJsonObject, type SatRec } from "satellite.js";
import { gmstRad } from "./sidereal";

/** Columns of mean elements; epochs in microseconds since 1970. */
export interface Elements {
  moved_by: "sgp4";
  name: string[];
  epoch_us: number[];
  mean_motion_rev_per_day: number[];
  eccentricity: number[];
  inclination_deg: number[];
  raan_deg: number[];
  argument_of_perigee_deg: number[];
  mean_anomaly_deg: number[];
  bstar_per_earth_radius: number[];
}

const STEP_MS = 60_000; // between instants that SGP4 computes
const NUMBERS = 6; // a state's: place in km, velocity in km a step

/** As `moverOfCircles`; a satellite that SGP4 refuses is at the Earth's centre, where nothing draws it.
 *
 *  Ten thousand cannot be computed in each frame. SGP4 gives a place and velocity each minute, each satellite's at
 *  another second, and between two of them runs the cubic that both fit. It is off by step⁴/384 of the fourth derivative,
 *  less than a metre in low orbits, and by more where SGP4's velocity is not quite its place's: 7 m in orbits.test.ts,
 *  which holds 10 m.
 */
export function moverOfElements(elements: Elements): (atMs: number, outKm: Float64Array) => void {
  const records = elements.name.map((_, satellite) => recordOf(elements, satellite));
  const count = records.length;
  const step = new Float64Array(count).fill(NaN); // that each satellite is in
  const ends = new Float64Array(2 * NUMBERS * count); // the states where it begins and ends
  const phaseMs = (satellite: number) => (satellite * STEP_MS) / count;
  const compute = (satellite: number, number: number, at: number) => {
    const atMs = number * STEP_MS + phaseMs(satellite);
    const state = sgp4(records[satellite]!, (atMs - elements.epoch_us[satellite]! / 1000) / 60_000);
    const { position, velocity } = state && Number.isFinite(state.position.x) ? state : { position: NOWHERE, velocity: NOWHERE };
    ends.set([position.x, position.y, position.z], at);
    ends.set([velocity.x, velocity.y, velocity.z].map((kmPerS) => (kmPerS * STEP_MS) / 1000), at + 3);
  };
  return (atMs, outKm) => {
    const earth = gmstRad(atMs);
    const cos = Math.cos(earth);
    const sin = Math.sin(earth);
    for (let satellite = 0; satellite < count; satellite++) {
      const passed = (atMs - phaseMs(satellite)) / STEP_MS;
      const number = Math.floor(passed);
      const a = 2 * NUMBERS * satellite;
      const b = a + NUMBERS;
      if (step[satellite] !== number) {
        if (step[satellite] === number - 1) ends.copyWithin(a, b, b + NUMBERS);
        else compute(satellite, number, a);
        compute(satellite, number + 1, b);
        step[satellite] = number;
      }
      const t = passed - number;
      const left = 1 - t;
      // Hermite's cubic: how much each end's place and velocity count.
      const placeA = (1 + 2 * t) * left * left;
      const placeB = t * t * (3 - 2 * t);
      const speedA = t * left * left;
      const speedB = -t * t * left;
      const x = placeA * ends[a]! + placeB * ends[b]! + speedA * ends[a + 3]! + speedB * ends[b + 3]!;
      const y = placeA * ends[a + 1]! + placeB * ends[b + 1]! + speedA * ends[a + 4]! + speedB * ends[b + 4]!;
      const z = placeA * ends[a + 2]! + placeB * ends[b + 2]! + speedA * ends[a + 5]! + speedB * ends[b + 5]!;
      const lost = (ends[a] === 0 && ends[a + 2] === 0) || (ends[b] === 0 && ends[b + 2] === 0);
      outKm[3 * satellite] = lost ? 0 : cos * x + sin * y;
      outKm[3 * satellite + 1] = lost ? 0 : cos * y - sin * x;
      outKm[3 * satellite + 2] = lost ? 0 : z;
    }
  };
}

const NOWHERE = { x: 0, y: 0, z: 0 };

export function recordOf(elements: Elements, satellite: number): SatRec {
  const epoch = new Date(elements.epoch_us[satellite]! / 1000).toISOString().replace("Z", "");
  const omm = {
    OBJECT_NAME: elements.name[satellite]!,
    OBJECT_ID: "",
    NORAD_CAT_ID: 0,
    EPOCH: epoch,
    MEAN_MOTION: elements.mean_motion_rev_per_day[satellite]!,
    ECCENTRICITY: elements.eccentricity[satellite]!,
    INCLINATION: elements.inclination_deg[satellite]!,
    RA_OF_ASC_NODE: elements.raan_deg[satellite]!,
    ARG_OF_PERICENTER: elements.argument_of_perigee_deg[satellite]!,
    MEAN_ANOMALY: elements.mean_anomaly_deg[satellite]!,
    BSTAR: elements.bstar_per_earth_radius[satellite]!,
    MEAN_MOTION_DOT: 0,
    MEAN_MOTION_DDOT: 0,
    EPHEMERIS_TYPE: 0,
    CLASSIFICATION_TYPE: "U",
    ELEMENT_SET_NO: 0,
    REV_AT_EPOCH: 0,
  };
  return json2satrec(omm as OMMJsonObject);
}
