import { expect, test } from "vitest";
import { eyeHeightKm, eyeOver, linkEnds, seenFrom } from "./sky";

const RADIUS_KM = 6928;

test("satellites over the near side are seen, those behind the Earth are not, those at its rim are", () => {
  const km = new Float64Array([RADIUS_KM, 0, 0, -RADIUS_KM, 0, 0, 0, RADIUS_KM, 0, -2000, RADIUS_KM, 0]);
  expect([...seenFrom(km, eyeOver(0, 0, 20_000), new Uint8Array(4))]).toEqual([1, 0, 1, 0]);
});

test("the eye comes nearer by half with each zoom", () => {
  expect(eyeHeightKm(3, 0, 700) / eyeHeightKm(2, 0, 700)).toBeCloseTo(0.5, 10);
});

test("on a flat map a link takes the shorter way; with an end out of sight it is not drawn", () => {
  const places = new Float32Array([179, 10, 0, NaN, NaN, NaN, -179, 12, 0]);
  const [from, to] = [new Float32Array(9), new Float32Array(9)];
  expect(linkEnds(new Int32Array([0, 1, 1, 2, 0, 2]), places, from, to, true)).toBe(1);
  expect([...from.subarray(0, 3), ...to.subarray(0, 3)]).toEqual([179, 10, 0, 181, 12, 0]);
});
