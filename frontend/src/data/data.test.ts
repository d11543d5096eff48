import { expect, test } from "vitest";
import fixture from "./plan.fixture.json";
import run from "./run.fixture.json";
import { eventReader, waitMs, type ServerEvent } from "./events";
import { bindingAt, readCells, readPlan, underRules, type Plan } from "./plan";
import { slotAt, territoryAt, type Scene } from "./scene";
import { bytesOf, offline } from "./offline";
import { troubleOf } from "./source";

test("cells and plan are what the server's Python wrote", () => {
  const cells = readCells(bytesOf(fixture.cells));
  expect(cells).toEqual(fixture.said.cells);
  const plan = readPlan(bytesOf(fixture.plan), cells.length);
  expect(plan.number).toBe(fixture.said.number);
  expect(plan.classes).toEqual(fixture.said.classes);
  for (const name of ["satellite", "gateway", "pop", "seen"] as const) expect([...plan[name]]).toEqual(fixture.said[name]);
  expect([...plan.reason]).toEqual(fixture.said.reason.flat());
  expect([...plan.rtt_ms].map((ms) => (Number.isNaN(ms) ? null : ms))).toEqual(fixture.said.rtt_ms);
  expect([...plan.down_mbps].every(Number.isNaN)).toBe(false);
  expect([...plan.binding!]).toEqual(fixture.said.binding);
  expect([0, 1, 3, 9].map((row) => bindingAt(plan, row))).toEqual(["isl", null, "beam", null]);
});

test("what binds is none where the plan does not have it, and so for rates of a run under other rules than its own", () => {
  const few = { seen: new Int32Array(1), down_mbps: new Float32Array([5]), up_mbps: new Float32Array([1]), satellite: new Int32Array(1),
    gateway: new Int32Array(1), pop: new Int32Array(1), rtt_ms: new Float32Array([30]), classes: ["fixed"], binding: new Uint8Array([4]) };
  const run = { rule_sets: ["a", "b"], whole: true, left_out: false, served: new Float32Array([1, 0.5]), rtt_ms_p95: new Float32Array([40]) };
  const plan = { ...few, reason: new Uint8Array([0, 0]), run } as unknown as Plan;
  const [own, other] = [underRules(plan, 0), underRules(plan, 1)];
  expect([bindingAt(own, 0), own.down_mbps[0], own.run!.left_out, own.run!.rtt_ms_p95[0]]).toEqual(["feeder", 5, false, 40]);
  expect([bindingAt(other, 0), other.down_mbps[0], other.run!.left_out, other.rtt_ms[0]]).toEqual([null, NaN, true, 30]);
  const dark = underRules({ ...plan, run: { ...run, served: new Float32Array([0, 1]) } }, 0);
  expect([dark.rtt_ms[0], dark.run!.rtt_ms_p95[0]]).toEqual([NaN, NaN]);
});

test("a plan of other cells is refused, and so are bytes that are none", () => {
  expect(() => readPlan(bytesOf(fixture.plan), 1)).toThrow("the plan has");
  expect(() => readPlan(bytesOf(fixture.cells), 4)).toThrow("no plan");
  expect(() => readPlan(new Uint8Array([1, 2, 3]), 4)).toThrow();
});

test("a page that holds a run has its slots, the run as one, and says where it ends", async () => {
  const source = offline(JSON.stringify(run.embedded));
  const scene = await source.scene();
  const cells = (await source.cells()).length;
  const whole = await source.current(cells);
  expect([whole.run!.whole, whole.run!.rule_sets, cells]).toEqual([true, run.said.rule_sets, run.said.cells]);
  expect(whole.binding).toBeNull(); // the run computes no capacity
  const reached = [...whole.rtt_ms].map((ms, row) => [ms, whole.run!.rtt_ms_p95[row]!]).filter(([ms]) => !Number.isNaN(ms));
  expect(reached.length).toBeGreaterThan(0);
  for (const [median, p95] of reached) expect(p95).toBeGreaterThanOrEqual(median!);
  const first = slotAt(scene, source.span_ms![0]);
  const { every, slots } = run.embedded;
  const plan = await source.plan(first + every + 1, cells);
  expect(plan.number).toBe(first + every);
  expect(plan.begins_ms).toBe(source.span_ms![0] + every * scene.slot_ms);
  await expect(source.plan(first - 1, cells)).rejects.toMatchObject({ kind: "gone" });
  expect((await source.plan(slotAt(scene, source.span_ms![1]), cells)).number).toBe(first + every * (slots.length - 1));
  for (const [which, said] of run.said.slot.entries()) {
    const one = underRules(plan, which);
    expect([...one.reason]).toEqual(said.reason);
    expect([...one.satellite]).toEqual(said.satellite);
    expect([...one.gateway]).toEqual(said.gateway);
    expect([...one.pop]).toEqual(said.pop);
    const shown = underRules(whole, which);
    [...shown.run!.served!].forEach((share, cell) => expect(share).toBeCloseTo(said.served[cell]!, 6));
    expect([...shown.reason]).toEqual(said.whole);
  }
  expect(() => offline('{"form": "other"}')).toThrow("unreadable");
});

test("events come whole however they are cut", () => {
  const text = ": hello\n\nid: 7\nevent: slot\ndata: {\"a\":\ndata: 1}\n\ndata: x\r\n\r\nid: 9\n";
  for (const size of [1, 3, 1000]) {
    const got: ServerEvent[] = [];
    const feed = eventReader((event) => got.push(event));
    for (let i = 0; i < text.length; i += size) feed(text.slice(i, i + size));
    expect(got).toEqual([
      { id: "7", event: "slot", data: '{"a":\n1}' },
      { id: "7", event: "message", data: "x" },
    ]);
  }
});

test("tries come further apart, to half a minute", () => {
  expect([0, 1, 2, 9].map((tries) => waitMs(tries, 0))).toEqual([1000, 2000, 4000, 30_000]);
  expect(waitMs(0, 1)).toBe(1500);
});

test("a status is told apart", () => {
  expect([401, 404, 500, 503].map((status) => troubleOf(status).kind)).toEqual(["unauthorised", "gone", "server", "server"]);
  expect(troubleOf(503, "urn:openleo:problem:no-plan").kind).toBe("no-plan");
  expect(troubleOf(503, "urn:openleo:problem:no-database")).toMatchObject({ kind: "server", status: 503 });
});

test("slots are counted as the server counts them", () => {
  const scene = { slot_ms: 15_000, slot_phase_ms: 12_000 } as Scene;
  expect(slotAt(scene, 1_795_000_000_000)).toBe(119_666_665);
});

test("a place in a hole is not the territory's around it", () => {
  const square = (d: number) => [[-d, -d], [d, -d], [d, d], [-d, d], [-d, -d]];
  const feature = (id: string, coordinates: number[][][]) => ({
    type: "Feature" as const,
    properties: { id, name: id, contested: false },
    geometry: { type: "Polygon" as const, coordinates },
  });
  const borders = { type: "FeatureCollection" as const, features: [feature("A", [square(5), square(1)]), feature("B", [square(1)])] };
  expect(territoryAt(borders, 3, 0)?.id).toBe("A");
  expect(territoryAt(borders, 0, 0)?.id).toBe("B");
  expect(territoryAt(borders, 9, 0)).toBeUndefined();
});
