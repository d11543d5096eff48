import { expect, test } from "vitest";
import CASES from "./outlines.fixture.json";
import { dense, outlineOf, readVertices, unrolled, withVertex, withoutLast, type Vertex } from "./draw";

const of = (text: string) => outlineOf(readVertices(text.replaceAll("/", "\n")).vertices);
const lngs = (ring: readonly Vertex[]) => ring.map(([lng]) => lng);

test("lines of latitude and longitude are read, and others are named", () => {
  expect(readVertices("25.5, 121\n\n 24 ; 122 \n-1 -2")).toEqual({ vertices: [[121, 25.5], [122, 24], [-2, -1]], wrong: [] });
  expect(readVertices("91, 0\nx, 1\n1\n1, 2, 3\n1, 361\n5,").wrong).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a click is a line more, and undo a line less", () => {
  const text = withVertex(withVertex("", [121, 25]), [-1.23456, -2]);
  expect(text).toBe("25.0000, 121.0000\n-2.0000, -1.2346\n");
  expect(withoutLast(withoutLast(text))).toBe("");
  expect(withoutLast("")).toBe("");
});

test("an outline is closed", () => {
  expect(of("0,0/0,2/2,2")).toEqual({ ring: [[0, 0], [2, 0], [2, 2], [0, 0]], fault: null, overPole: false });
  expect(of("0,0/0,2/2,2/0,0").ring).toEqual(of("0,0/0,2/2,2").ring);
});

test("nothing, a line, and one place again and again are no outlines", () => {
  for (const text of ["", "1,1", "1,1/2,2", "1,1/1,1/2,2/2,2"]) expect(of(text).fault).toBe("few");
  expect(outlineOf(Array.from({ length: 501 }, (_, n): Vertex => [n / 10, (n % 2) / 10])).fault).toBe("many");
});

test("an outline that crosses or touches itself, or has no inside, is refused", () => {
  expect(of("0,0/2,2/0,2/2,0").fault).toBe("crosses");
  expect(of("0,0/0,4/4,4/0,2").fault).toBe("crosses");
  expect(of("0,0/1,1/2,2").fault).toBe("crosses");
  expect(of("0,0/0,2/0,1/2,1").fault).toBe("crosses");
});

test("over the antimeridian longitudes run on, whichever way it was drawn", () => {
  expect(lngs(of("10,170/10,-170/20,-170/20,170").ring)).toEqual([170, 190, 190, 170, 170]);
  expect(lngs(of("10,-170/10,170/20,170").ring)).toEqual([-170, -190, -190, -170]);
  expect(of("10,170/20,-170/10,-170/20,170").fault).toBe("crosses");
});

test("around a pole it is closed along that pole, in steps that nobody takes for jumps", () => {
  const { ring, fault, overPole } = of("70,0/65,90/70,180/65,-90");
  expect([fault, overPole]).toEqual([null, true]);
  expect(ring).toEqual([[0, 70], [90, 65], [180, 70], [270, 65], [360, 70], [360, 90], [270, 90], [180, 90], [90, 90], [0, 90], [0, 70]]);
  const south = of("-80,150/-80,-90/-80,30");
  expect([south.overPole, Math.min(...south.ring.map(([, lat]) => lat))]).toEqual([true, -90]);
  expect(Math.max(...lngs(south.ring).map(Math.abs))).toBeLessThanOrEqual(360);
  expect(of("10,0/-10,90/10,180/-10,-90").fault).toBe("pole");
});

test("an edge over half the Earth could run either way", () => {
  expect(of("80,0/80,180/70,90").fault).toBe("half");
  expect(unrolled([[0, 0], [-180, 0]])).toBeNull();
});

test("edges are drawn straight in degrees", () => {
  expect(dense([[0, 0], [4, 2], [4, 2.5]])).toEqual([[0, 0], [2, 1], [4, 2], [4, 2.5]]);
});

test("outlines become the rings that tests/console/test_outlines.py has read by the rules' own reader", () => {
  for (const { typed, ring, overPole } of CASES) expect(outlineOf(readVertices(typed).vertices)).toEqual({ ring, fault: null, overPole });
});
