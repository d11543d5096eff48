import { latLngToCell } from "h3-js";
import { expect, test, vi } from "vitest";
import type { Plan } from "../../data/plan";
import type { Scene } from "../../data/scene";
import { holderOf, sidesOf } from "../../map/contested";
import { bordersSeen } from "../../map/style";
import { LANGUAGES } from "../../words";
import { Refusal, type Api } from "../../data/api";
import { asker, placePath, type Asked, type OfClass } from "./answer";
import { figuresOf, topOf } from "./day";
import { figuresOf as figuresOfRun, sharesOf } from "./run";
import { coordinatesOf, entriesOf, find, folded, itemOf } from "./find";
import { whyText } from "./next";
import { countsOf, rowsIn, rowsOf } from "./things";
import { barsOf, termText, wayOf } from "./waterfall";
import { dependsText, instantText } from "./why";

const square = (id: string, name: string, x: number, y: number, more: object = {}) => ({
  type: "Feature" as const, properties: { id, name, contested: false, ...more },
  geometry: { type: "Polygon" as const, coordinates: [[[x, y], [x + 10, y], [x + 10, y + 10], [x, y + 10], [x, y]]] },
});
const station = (name: string) => ({ name, lat_deg: 1, lon_deg: 2, territory: "AAA" });
const scene = {
  borders: { type: "FeatureCollection", features: [square("AAA", "Côte d’Azur", 0, 0), square("BBB", "Bravo", 50, 0, { also_called: ["Alpha Beta"] })] },
  gateways: [station("Azur North")], pops: [station("Paris")], satellites: { moved_by: "nothing", name: ["az-1", "az-12", "x az-1"] },
} as unknown as Scene;
const entries = entriesOf(scene);

test("coordinates are read as people write them, latitude first", () => {
  expect(coordinatesOf("52.2, 21")).toEqual([21, 52.2]);
  expect(coordinatesOf(" -12.5 130 ")).toEqual([130, -12.5]);
  expect(coordinatesOf("33.9S 18.4E")).toEqual([18.4, -33.9]);
  expect(coordinatesOf("10°N, 20°W")).toEqual([-20, 10]);
  for (const none of ["91, 0", "0, 181", "52", "a, b", "1,2,3", ""]) expect(coordinatesOf(none)).toBeNull();
});

test("what is the same comes first, then what begins so, then words, whatever the accents", () => {
  expect(folded("  CÔTE   d’Azur ")).toBe("cote d’azur");
  expect(find(entries, "az-1", false).map(({ name }) => name)).toEqual(["az-1", "az-12", "x az-1"]);
  expect(find(entries, "COTE", false).map(({ id }) => id)).toEqual(["AAA"]);
  expect(find(entries, "beta", false)[0]).toEqual({ kind: "territory", id: "BBB", name: "Bravo", at: [55, 5] });
  expect(find(entries, "1, 2", true)).toEqual([{ kind: "place", id: "", name: "1, 2", at: [2, 1] }]);
  expect(find(entries, "zz", true)).toEqual([{ kind: "terminal", id: "zz", name: "zz", at: null }]);
  expect(find(entries, " ", true)).toEqual([]);
});

test("an item names a thing, with colons in its name too", () => {
  expect(itemOf("satellite:A:1")).toEqual({ kind: "satellite", id: "A:1" });
  for (const none of ["", "satellite:", "c-1", "moon:1"]) expect(itemOf(none)).toBeNull();
});

test("bars follow each other and end where the round trip does, a jitter back or forth", () => {
  const bars = barsOf([{ name: "user link", about: "", ms: 6 }, { name: "fibre", about: "", ms: 4 }, { name: "jitter", about: "", ms: -2 }]);
  expect(bars.map(({ from, to, of }) => [from, to, of])).toEqual([[0, 0.6, "light"], [0.6, 1, "fibre"], [0.8, 1, "added"]]);
  expect(barsOf([])).toEqual([]);
  expect(termText(LANGUAGES.fr, "3 inter-satellite links")).toBe("3 liaisons inter-satellites");
  expect(termText(LANGUAGES.en, "something new")).toBe("something new");
  expect(wayOf([{ kind: "user link", start: "terminal", end: "S", length_km: 1 }, { kind: "feeder link", start: "S", end: "G", length_km: 1 }], "me")).toEqual(["me", "S", "G"]);
});

test("a day is summed up", () => {
  const sample = (reason: string, rtt_ms: number | null) => ({ begins_at: "", reason, depends: false, satellite: null, seen: 0, rtt_ms });
  expect(figuresOf([sample("served", 30), sample("no_satellite", null), sample("not_permitted", 25)])).toEqual({ served: 1, of: 3, least: 25, most: 30 });
  expect([topOf(12), topOf(51), topOf(1500), topOf(-Infinity)]).toEqual([20, 100, 2000, 100]);
});

test("what depends on the terminal is said, and on what", () => {
  const of = (missing: string[], depends: boolean) =>
    ({ name: "fixed", reason: "served", depends, decision: { decision: "INDETERMINATE", because: [], missing, valid_until: null } }) as OfClass;
  expect(dependsText(LANGUAGES.en, of(["speed_kmh", "new_thing"], true))).toBe("The answer depends on the terminal: its speed, new_thing.");
  expect(dependsText(LANGUAGES.en, of([], true))).toMatch(/^Within this cell/);
  expect(dependsText(LANGUAGES.en, of([], false))).toBe("");
  expect(instantText("2026-11-22T08:00:12Z")).toBe("2026-11-22 08:00:12 UTC");
  expect(instantText("2026-11-22T08:00:00Z")).toBe("2026-11-22 08:00 UTC");
  expect(whyText(LANGUAGES.en, "least_rtt prefers another")).toBe("another one is preferred");
});

test("cells are counted through a gateway and in a territory", () => {
  const plan = { classes: ["a", "b"], reason: Uint8Array.from([0, 1, 0, 0, 2, 0]), gateway: Int32Array.from([1, 0, 1]) } as unknown as Plan;
  expect(rowsOf(plan.gateway, 1)).toEqual([0, 2]);
  expect(countsOf(plan, [0, 2], 0)).toEqual([["served", 1], ["no_satellite", 1]]);
  expect(countsOf(plan, [0, 1, 2], 1)).toEqual([["served", 2], ["not_permitted", 1]]);
  const cells = [latLngToCell(5, 5, 4), latLngToCell(5, 20, 4), latLngToCell(9, 9, 4)];
  expect(rowsIn(scene.borders, cells, "AAA")).toEqual([0, 2]);
  expect(rowsIn(scene.borders, cells, "CCC")).toEqual([]);
});

test("no side is taken but by who chooses it, and then by what the data say", () => {
  const area = { id: "x", name: "X", contested: true, administered_by: ["AAA"], claimed_by: ["BBB", "CCC"] };
  expect(["", "administered", "AAA", "CCC", "DDD"].map((pov) => holderOf(area, pov))).toEqual([null, "AAA", "AAA", "CCC", null]);
  expect(holderOf({ ...area, administered_by: ["AAA", "BBB"] }, "administered")).toBeNull();
  expect(holderOf({ ...area, contested: false }, "AAA")).toBeNull();
  const borders = { ...scene.borders, features: [...scene.borders.features, square("x", "X", 20, 20, area)] } as Scene["borders"];
  expect(sidesOf(borders)).toEqual([{ id: "BBB", name: "Bravo" }, { id: "CCC", name: "CCC" }, { id: "AAA", name: "Côte d’Azur" }]);
  const names = (pov: string) => {
    const { edges, contested, names } = bordersSeen(borders, pov);
    return [contested.features.length, names.features[0]!.properties!.name, edges.features.at(-1)!.properties!.contested];
  };
  expect(names("")).toEqual([1, "X", true]);
  expect(names("BBB")).toEqual([0, "X\n(Bravo)", false]);
});

test("an answer that comes after something else was asked for is thrown away", async () => {
  const waiting: { [path: string]: (value: unknown) => void } = {};
  const api = { get: (path: string) => new Promise((done, fail) => (waiting[path] = (value) => (value instanceof Error ? fail(value) : done(value)))) };
  const told: Asked<number>[] = [];
  const ask = asker<number>(api as unknown as Api, (one) => told.push(one));
  ask("a");
  ask("a");
  ask("b");
  waiting.a!(1);
  waiting.b!(new Refusal(403, "Forbidden", "This needs a role."));
  await new Promise((done) => setTimeout(done));
  expect(told).toEqual([
    { key: "a", answer: null, refused: null },
    { key: "b", answer: null, refused: null },
    { key: "b", answer: null, refused: "This needs a role." },
  ]);
  expect(placePath([21, 52.2], { slot: "7" })).toBe("?lat=52.2&lon=21&slot=7");
});

test("figures of a whole run: medians, shares of time, and rates where they are told under these rules", () => {
  const run = { rule_sets: ["a"], whole: true, left_out: false, served: new Float32Array([0.25, 1]), rtt_ms_p95: new Float32Array([40.25]) };
  const plan = { classes: ["fixed", "maritime"], reason: new Uint8Array([1, 0]), rtt_ms: new Float32Array([30]), seen: new Int32Array([7]),
    down_mbps: new Float32Array([150]), up_mbps: new Float32Array([NaN]), binding: new Uint8Array([4]), run } as unknown as Plan;
  expect(sharesOf(plan, 0)).toEqual([{ name: "fixed", share: 0.25, reason: "not_permitted" }, { name: "maritime", share: 1, reason: "served" }]);
  const values = (one: Plan) => figuresOfRun(LANGUAGES.en, "en", one, 0).map(([, value]) => value);
  expect(values(plan)).toEqual(["30 ms", "40.3 ms", "7", "150 Mbit/s", "none"]);
  expect(values({ ...plan, binding: null }).slice(3)).toEqual(["not computed"]);
  expect(values({ ...plan, binding: null, run: { ...run, left_out: true } }).slice(3)).toEqual(["told under the run’s own rules alone"]);
  const names = figuresOfRun(LANGUAGES.en, "en", plan, 0).map(([name]) => name);
  for (const none of ["Satellite", "Gateway", "PoP"]) expect(names).not.toContain(none);
});

test("questions that follow each other fast are asked apart, and the last one of them", async () => {
  vi.useFakeTimers();
  const got: string[] = [];
  const api = { get: (path: string) => (got.push(path), Promise.resolve(path)) };
  const told: (string | null)[] = [];
  const ask = asker<string>(api as unknown as Api, ({ answer }) => told.push(answer), 3000);
  for (const path of ["1", "2", "3"]) ask(path);
  expect(got).toEqual(["1"]);
  await vi.advanceTimersByTimeAsync(3000);
  expect(got).toEqual(["1", "3"]);
  expect(told.filter(Boolean)).toEqual(["3"]);
  vi.useRealTimers();
});
