import { expect, test } from "vitest";
import { eyeHeightKm, eyeOver, hideBehindEarth, linkEnds } from "./sky";

const RADIUS_KM = 6928;

test("satellites over the near side are seen, those behind the Earth are not, those at its rim are", () => {
  const km = new Float64Array([RADIUS_KM, 0, 0, -RADIUS_KM, 0, 0, 0, RADIUS_KM, 0, -2000, RADIUS_KM, 0]);
  const places = new Float32Array(12).fill(1);
  hideBehindEarth(km, eyeOver(0, 0, 20_000), places);
  expect([0, 3, 6, 9].map((at) => !Number.isNaN(places[at]))).toEqual([true, false, true, false]);
});

test("the eye comes nearer by half with each zoom", () => {
  expect(eyeHeightKm(3, 0, 700) / eyeHeightKm(2, 0, 700)).toBeCloseTo(0.5, 10);
});

test("on a flat map a link takes the shorter way; with an end out of sight it is not drawn", () => {
  const places = new Float32Array([179, 10, 0, -179, 12, 0, NaN, NaN, NaN]);
  const [from, to] = [new Float32Array(6), new Float32Array(6)];
  linkEnds(new Int32Array([0, 1, 1, 2]), places, from, to, true);
  expect([from[0], to[0]]).toEqual([179, 181]);
  expect(from[3]).toBeNaN();
});
