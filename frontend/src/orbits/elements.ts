// Positions of element sets: SGP4 (satellite.js), from the mean elements as an OMM has them.

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

/** As `moverOfCircles`; a satellite that SGP4 refuses is at the Earth's centre, where nothing draws it. */
export function moverOfElements(elements: Elements): (atMs: number, outKm: Float64Array) => void {
  const records = elements.name.map((_, satellite) => recordOf(elements, satellite));
  return (atMs, outKm) => {
    const earth = gmstRad(atMs);
    const [cos, sin] = [Math.cos(earth), Math.sin(earth)];
    records.forEach((record, satellite) => {
      const minutes = (atMs - elements.epoch_us[satellite]! / 1000) / 60_000;
      const position = sgp4(record, minutes)?.position;
      const { x, y, z } = position && Number.isFinite(position.x) ? position : { x: 0, y: 0, z: 0 };
      outKm[3 * satellite] = cos * x + sin * y;
      outKm[3 * satellite + 1] = cos * y - sin * x;
      outKm[3 * satellite + 2] = z;
    });
  };
}

function recordOf(elements: Elements, satellite: number): SatRec {
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
