// Positions of shells: every satellite of a plane on one circle, as openleo.network.kernels.walker moves it.

import { gmstRad } from "./sidereal";

/** Columns of planes, whose satellites stand together, and each satellite's argument of latitude at the epoch. */
export interface Circles {
  moved_by: "circles";
  name: string[];
  epoch_ms: number;
  plane_first: number[];
  plane_count: number[];
  semi_major_axis_km: number[];
  inclination_rad: number[];
  raan_rad: number[];
  raan_rate_rad_s: number[];
  argument_rate_rad_s: number[];
  argument_rad: number[];
}

/** Writes Earth-fixed positions (x, y, z in km a satellite) at an instant; made once for a network. */
export function moverOfCircles(circles: Circles): (atMs: number, outKm: Float64Array) => void {
  const cosArgument = Float64Array.from(circles.argument_rad, Math.cos);
  const sinArgument = Float64Array.from(circles.argument_rad, Math.sin);
  const planes = circles.plane_first.length;
  return (atMs, outKm) => {
    const elapsedS = (atMs - circles.epoch_ms) / 1000;
    const earth = gmstRad(atMs);
    for (let p = 0; p < planes; p++) {
      const radius = circles.semi_major_axis_km[p]!;
      const node = circles.raan_rad[p]! + circles.raan_rate_rad_s[p]! * elapsedS - earth;
      const turned = circles.argument_rate_rad_s[p]! * elapsedS;
      const [cosN, sinN] = [Math.cos(node), Math.sin(node)];
      const [cosI, sinI] = [Math.cos(circles.inclination_rad[p]!), Math.sin(circles.inclination_rad[p]!)];
      const [cosT, sinT] = [Math.cos(turned), Math.sin(turned)];
      // A: towards the argument 0 of the epoch; B: a quarter turn further.
      const [ax, ay, az] = [cosN * cosT - sinN * cosI * sinT, sinN * cosT + cosN * cosI * sinT, sinI * sinT];
      const [bx, by, bz] = [-cosN * sinT - sinN * cosI * cosT, -sinN * sinT + cosN * cosI * cosT, sinI * cosT];
      const first = circles.plane_first[p]!;
      const end = first + circles.plane_count[p]!;
      for (let s = first; s < end; s++) {
        const [cos, sin] = [radius * cosArgument[s]!, radius * sinArgument[s]!];
        outKm[3 * s] = ax * cos + bx * sin;
        outKm[3 * s + 1] = ay * cos + by * sin;
        outKm[3 * s + 2] = az * cos + bz * sin;
      }
    }
  };
}
