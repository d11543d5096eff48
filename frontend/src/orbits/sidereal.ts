// How far the Earth has turned: Greenwich mean sidereal time (IAU 1982) of UTC taken for UT1, as openleo.geodesy has it
// (Vallado et al., AIAA 2006-6753, eq. 2-3).

const DAY_MS = 86_400_000;
const J2000_MS = Date.UTC(2000, 0, 1, 12);
const TURN = 2 * Math.PI;

/** The angle from the vernal equinox to Greenwich, in [0, 2π). */
export function gmstRad(atMs: number): number {
  const sinceMs = atMs - J2000_MS;
  const centuries = sinceMs / DAY_MS / 36_525;
  const today = (sinceMs % DAY_MS) / DAY_MS; // whole days are whole turns, and would only cost digits
  const seconds = 67_310.54841 + (8_640_184.812866 + (0.093104 - 6.2e-6 * centuries) * centuries) * centuries;
  const angle = (TURN * (today + seconds / 86_400)) % TURN;
  return angle < 0 ? angle + TURN : angle;
}
