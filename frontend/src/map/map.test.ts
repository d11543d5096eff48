import { expect, test } from "vitest";
import { cellToBoundary, latLngToCell } from "h3-js";
import { byVertex, fans, middleOf, ringOf, shapesOf } from "./cells";
import { BINDING_COLOURS, COLOURINGS, REASON_COLOURS, STEPS, VIRIDIS, coloursOf, colourOfStep, offered, stepOf, type Rgb } from "./colours";
import { edgesOf, namePlace } from "./edges";
import type { Plan } from "../data/plan";

const lightness = ([r, g, b]: Rgb) => 0.2126 * (r / 255) ** 2.2 + 0.7152 * (g / 255) ** 2.2 + 0.0722 * (b / 255) ** 2.2;

test("viridis darkens with every step, and reasons differ without their hues", () => {
  const light = VIRIDIS.map(lightness);
  expect(light).toEqual([...light].sort((a, b) => b - a));
  const of = Object.values(REASON_COLOURS).map(lightness).sort((a, b) => a - b);
  for (let i = 1; i < of.length; i++) expect(of[i]! - of[i - 1]!).toBeGreaterThan(0.02);
});

test("steps begin where the legend says", () => {
  expect([24.9, 25, 149, 150].map((ms) => stepOf("rtt_ms", ms))).toEqual([0, 1, 6, 7]);
  expect(colourOfStep("rtt_ms", 0)).toBe(VIRIDIS[0]);
  expect(colourOfStep("seen", 0)).toBe(VIRIDIS[7]);
  for (const { from } of Object.values(STEPS)) expect(from.length).toBe(VIRIDIS.length - 1);
});

test("a cell's colour follows its class's reason; where there is no amount it is faint grey", () => {
  const plan = {
    classes: ["fixed", "maritime"],
    satellite: new Int32Array([5, -1]),
    reason: new Uint8Array([0, 1, 2, 1]),
    rtt_ms: new Float32Array([30, NaN]),
  } as unknown as Plan;
  expect([...coloursOf(plan, "reason", 0).subarray(0, 3)]).toEqual([...REASON_COLOURS.served]);
  expect([...coloursOf(plan, "reason", 1).subarray(4, 7)]).toEqual([...REASON_COLOURS.not_permitted]);
  const [served, dark] = [coloursOf(plan, "rtt_ms", 0).subarray(0, 4), coloursOf(plan, "rtt_ms", 0).subarray(4)];
  expect(served[3]).toBeGreaterThan(dark[3]!);
  expect(COLOURINGS).toContain("reason");
});

/** CIE 1976 L*a*b* of a colour, as who lacks a kind of cone sees it: matrices of Machado, Oliveira and Fernandes (2009), severity 1. */
const SEEN = {
  all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
function labOf(rgb: Rgb, seen: number[][]): number[] {
  const linear = rgb.map((one) => (one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4));
  const [r, g, b] = seen.map((row) => Math.min(1, Math.max(0, row.reduce((sum, one, i) => sum + one * linear[i]!, 0)))) as [number, number, number];
  const f = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const [x, y, z] = [f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505), f(0.2126 * r + 0.7152 * g + 0.0722 * b), f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

test("what binds is told apart by everybody's eyes", () => {
  for (const seen of Object.values(SEEN)) {
    const labs = Object.values(BINDING_COLOURS).map((one) => labOf(one, seen));
    labs.forEach((one, n) => labs.slice(n + 1).forEach((other) => expect(Math.hypot(...one.map((l, i) => l - other[i]!))).toBeGreaterThan(12)));
  }
});

test("cells are coloured by what binds them, where a plan says so; and that is offered only then", () => {
  const plan = { classes: ["fixed"], satellite: new Int32Array([5, 6]), binding: new Uint8Array([4, 255]) } as unknown as Plan;
  const colours = coloursOf(plan, "binding", 0);
  expect([...colours.subarray(0, 3)]).toEqual([...BINDING_COLOURS.feeder]);
  expect(colours[7]).toBeLessThan(colours[3]!);
  const without = { ...plan, binding: null };
  expect(coloursOf(without, "binding", 0)[3]).toBe(colours[7]);
  expect(offered(plan, "reason")).toEqual([...COLOURINGS]);
  expect(offered(without, "reason")).not.toContain("binding");
  expect(offered(null, "binding")).toContain("binding");
  expect(offered({ ...without, run: {} } as unknown as Plan, "reason")).toEqual(["reason", "rtt_ms", "seen"]);
});

test("rings close, run on across the antimeridian, and go around a pole", () => {
  const across = ringOf(cellToBoundary(latLngToCell(10, 179.99, 3), true) as [number, number][]);
  const lngs = across.map(([lng]) => lng);
  expect(Math.max(...lngs) - Math.min(...lngs)).toBeLessThan(5);
  const polar = ringOf(cellToBoundary(latLngToCell(90, 0, 3), true) as [number, number][]);
  expect(Math.max(...polar.map(([, lat]) => lat))).toBe(90);
  expect(polar.at(-1)).toEqual(polar[0]);
});

test("every vertex has its cell's colour", () => {
  const shapes = shapesOf([latLngToCell(0, 0, 3), latLngToCell(45, 10, 3)]);
  expect(shapes.startIndices[2]! * 2).toBe(shapes.positions.length);
  const out = byVertex(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]), shapes, new Uint8Array(4 * shapes.startIndices[2]!));
  expect([...out.subarray(0, 4)]).toEqual([1, 2, 3, 4]);
  expect([...out.subarray(-4)]).toEqual([5, 6, 7, 8]);
});

test("no border is drawn where the atlas closes its land", () => {
  const ring = [[170, 60], [180, 60], [180, 70], [170, 70], [170, 60]];
  const outline = { type: "Feature", properties: { id: "X", name: "X", contested: false } } as const;
  const geometry = { type: "Polygon" as const, coordinates: [ring] };
  const lines = edgesOf({ ...outline, geometry }).geometry.coordinates;
  expect(lines).toEqual([[[170, 60], [180, 60]], [[180, 70], [170, 70], [170, 60]]]);
  expect(namePlace(geometry)).toEqual([175, 65]);
});

test("the page first looks at the middle of the cells, over the antimeridian too", () => {
  const middle = middleOf([latLngToCell(0, 175, 3), latLngToCell(0, -175, 3)])!;
  expect(Math.abs(middle.lng)).toBeGreaterThan(179);
  expect(Math.abs(middle.lat)).toBeLessThan(1);
  expect(middleOf([latLngToCell(0, 0, 3), latLngToCell(0, 180, 3)])).toBeUndefined();
  expect(middleOf([])).toBeUndefined();
});

test("rings are cut into triangles of their own vertices", () => {
  expect([...fans(Uint32Array.of(0, 5, 9))]).toEqual([0, 1, 2, 0, 2, 3, 5, 6, 7]);
  expect(fans(Uint32Array.of(0)).length).toBe(0);
});
