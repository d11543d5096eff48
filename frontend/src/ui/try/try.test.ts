import { expect, test } from "vitest";
import { firstDraft, bookWith, contestedWith, instant, ruleOf, troubles, type Draft } from "./rule";
import { few, linesOf, qualityOf, codesOf, changes, elsewhereOf, maySeeTerminals, type Amount, type Counted, type Effect, type Row } from "./effect";
import { terminalsOf, terminalsSaid } from "./result";
import { missing, nothingSaid, proposalOf } from "./proposal";
import { namesIn } from "./maps";
import en from "../../words/en";
import { CHANGE_COLOURS, STATE_COLOURS, coloursOfCodes, swiped } from "../../map/drawn";
import type { Rgb } from "../../map/colours";
import type { Scene } from "../../data/scene";

const outline = (properties: object) => ({ type: "Feature", properties, geometry: { type: "Polygon", coordinates: [] } });
const BORDERS = {
  type: "FeatureCollection",
  features: [
    outline({ id: "JPN", name: "Japan", contested: false }),
    outline({ id: "TWN", name: "Taiwan", contested: true, administered_by: ["TWN"], claimed_by: ["CHN"] }),
    outline({ id: "dokdo", name: "Dokdo", contested: true, administered_by: ["KOR"], claimed_by: ["JPN", "KOR"] }),
  ],
} as unknown as Scene["borders"];
const draft = (change: Partial<Draft>): Draft => ({ ...firstDraft(), reason: "why", territory: "JPN", ...change });
const NOTHING: Amount = { cells: 0, area_km2: 0, people: 0, terminals: null };
const row = (change: Partial<Row>): Row => ({
  territory: "JPN", class: "fixed", lost: NOTHING, gained: NOTHING, may_lose: NOTHING, may_gain: NOTHING, displaced_by_capacity: null, freed_by_capacity: null,
  rtt_ms_p50: [null, null], down_mbps_p50: [null, null], up_mbps_p50: [null, null], spill_people: null, because: [], ...change,
});

test("a rule says which contested areas come along, and what its effect asks for", () => {
  expect(contestedWith(BORDERS, "JPN").map(({ id }) => id)).toEqual(["dokdo"]);
  expect(contestedWith(BORDERS, "TWN")).toEqual([]);
  expect(ruleOf(draft({ include: ["dokdo", "elsewhere"], classes: ["fixed"] }), BORDERS)).toEqual({
    id: "tried-1", effect: "forbid", territory: { in: "JPN", include: ["dokdo"] }, reason: "why", who: { classes: ["fixed"] }, emergency: "keep",
  });
  expect(ruleOf(draft({ where: "coast", km: "50", effect: "permit" }), BORDERS)).toEqual({
    id: "tried-1", effect: "permit", territory: { in: "coast(JPN, 50)", include: [] }, reason: "why",
  });
  const drawn = ruleOf(draft({ where: "drawn", outline: "0,0\n0,2\n2,2", from: "2026-11-22T10:00", until: "2026-11-23T10:00" }), BORDERS);
  expect(drawn).toMatchObject({
    territory: { geojson: { type: "Polygon", coordinates: [[[0, 0], [2, 0], [2, 2], [0, 0]]] } }, from: "2026-11-22T10:00:00Z", until: "2026-11-23T10:00:00Z",
  });
});

test("what is missing is said before anything is sent", () => {
  const of = (change: Partial<Draft>) => troubles(draft(change), BORDERS, { schema: 1, book: "operator", classes: [], rule: [{ id: "old" }], files: {} }).map(({ what }) => what);
  expect(of({})).toEqual([]);
  expect(of({ territory: "", reason: " ", id: "" })).toEqual(["territory", "id", "reason"]);
  expect(of({ where: "coast", km: "0" })).toEqual(["km"]);
  expect(of({ where: "coast", km: "-20" })).toEqual([]);
  expect(of({ id: "old", effect: "suspend", newBook: " " })).toEqual(["taken", "until", "book"]);
  expect(of({ where: "drawn", outline: "" })).toEqual(["few"]);
  expect(troubles(draft({ where: "drawn", outline: "1,1\nx" }), BORDERS, null)).toEqual([{ what: "lines", said: "2" }]);
});

test("a book has the rule added, in the order of ids, and keeps the rest", () => {
  const held = { schema: 1, book: "operator", classes: ["bus"], rule: [{ id: "a" }, { id: "z" }], files: { "b.geojson": "{}" } };
  expect(bookWith(held, "operator", { id: "m" })).toEqual({ ...held, rule: [{ id: "a" }, { id: "m" }, { id: "z" }] });
  expect(held.rule.length).toBe(2);
  expect(bookWith(null, "new", { id: "m" })).toEqual({ schema: 1, book: "new", classes: [], rule: [{ id: "m" }], files: {} });
});

test("a time is UTC, whatever the machine's zone", () => {
  expect(instant("2026-07-01T12:30")).toBe("2026-07-01T12:30:00Z");
});

test("numbers are the server's, and few people are not told apart", () => {
  expect([few(9, "en"), few(0, "en"), few(10, "en"), few(1234567, "en"), few(null, "en")]).toEqual(["<10", "0", "10", "1,234,567", ""]);
  const lost = { cells: 9, area_km2: 1.5, people: 9, terminals: null };
  const effect = { territories: [row({ lost }), row({ territory: "KOR" })], totals: [{ ...row({ lost }), class: "fixed" }] } as unknown as Effect;
  expect(linesOf(effect)).toEqual([
    { territory: "JPN", class: "fixed", kind: "lost", amount: lost },
    { territory: "", class: "fixed", kind: "lost", amount: lost },
  ]);
  expect(changes(effect)).toBe(true);
  expect(changes({ territories: [row({ spill_people: 5 })], totals: [] } as unknown as Effect)).toBe(false);
});

test("terminals are told as they are to who may read where they are, and to nobody else", () => {
  const lost = { cells: 2, area_km2: 1.5, people: 40, terminals: 9 };
  const counted: Counted = {
    terminals: 31, not_counted: 2, territories: [{ territory: "JPN", class: "fixed", lost: 3, gained: 0 }, { territory: "KOR", class: "fixed", lost: 0, gained: 1 }],
    totals: [{ class: "fixed", lost: 3, gained: 1 }],
    elsewhere: [{ territory: "(several)", class: "fixed", lost: 1, gained: 0, reached: true }, { territory: "CHN", class: "fixed", lost: 2, gained: 4, reached: false }],
  };
  const gained = { ...NOTHING, terminals: 9 };
  const may_lose = { ...NOTHING, cells: 1 };
  const totals = [{ ...row({ lost: { ...lost, terminals: null } }), class: "fixed" }];
  const effect = { territories: [row({ lost, may_lose }), row({ territory: "KOR", gained })], totals, counted } as unknown as Effect;
  const told = (one: Effect) => linesOf(one).map((line) => [line.territory, line.kind, terminalsOf(line, "en")]);
  expect(told(effect)).toEqual([["JPN", "lost", "3"], ["JPN", "may_lose", "–"], ["KOR", "gained", "1"], ["", "lost", "3"], ["", "gained", "1"]]);
  expect(elsewhereOf(counted)).toEqual({ lost: 3, gained: 4 });
  expect(terminalsSaid(en, "en", effect).map((text) => text.match(/\d+/g))).toEqual([["31"], ["2"], ["3", "4"]]);
  const { counted: _, ...others } = effect;
  expect(told(others)).toEqual([["JPN", "lost", "<10"], ["JPN", "may_lose", "–"], ["KOR", "gained", "<10"], ["", "lost", "–"]]);
  expect(terminalsSaid(en, "en", others)).toEqual([en.trying.notCounted]);
  expect(terminalsSaid(en, "en", { ...effect, counted: { ...counted, not_counted: 0, elsewhere: [] } }).length).toBe(1);
});

test("terminals are asked for by the operator's people alone who may read where they are", () => {
  const may = (party: string, ...roles: string[]) => maySeeTerminals({ party, roles });
  expect([may("operator", "viewer", "requester"), may("operator", "auditor"), may("operator", "planner", "approver"), may("regulator:TWN", "requester", "auditor")])
    .toEqual([true, true, false, false]);
  expect(maySeeTerminals(null)).toBe(false);
});

test("quality is told where the server knows it", () => {
  const rows = [row({}), row({ rtt_ms_p50: [30, null] }), row({ spill_people: 9 }), row({ spill_people: 0 }), row({ down_mbps_p50: [null, 4] }), row({ up_mbps_p50: [3, null] })];
  expect(qualityOf({ territories: rows } as unknown as Effect)).toEqual([rows[1], rows[2], rows[4], rows[5]]);
});

test("left of the line is before, and right of it after", () => {
  const [before, after] = [codesOf("2202"), codesOf("20a2")];
  expect([...codesOf("0fa3")]).toEqual([0, 15, 10, 3]);
  const at = (line: number) => [...swiped(before, after, line, (cell) => 10 * cell)];
  expect(at(-1)).toEqual([...after]);
  expect(at(15)).toEqual([2, 2, 10, 2]);
  expect(at(100)).toEqual([...before]);
  expect(namesIn(["02", "2"], ["no", "depends", "yes"])).toEqual(["no", "yes"]);
});

test("every code has a colour, and what changes differs from each other without its hue", () => {
  expect([...coloursOfCodes(codesOf("20"), ["no", "depends", "yes"], STATE_COLOURS)]).toEqual([...STATE_COLOURS.yes!, 235, ...STATE_COLOURS.no!, 235]);
  const lightness = ([r, g, b]: Rgb) => 0.2126 * (r / 255) ** 2.2 + 0.7152 * (g / 255) ** 2.2 + 0.0722 * (b / 255) ** 2.2;
  const { lost, gained, stays_in, stays_out, unreached, may_lose, may_change } = CHANGE_COLOURS;
  for (const some of [[lost, gained, stays_in, unreached, may_change], [lost, may_lose, stays_in], Object.values(STATE_COLOURS), [stays_in, stays_out, unreached]]) {
    const of = (some as Rgb[]).map(lightness).sort((a, b) => a - b);
    for (let i = 1; i < of.length; i++) expect(of[i]! - of[i - 1]!).toBeGreaterThan(0.02);
  }
});

test("a proposal names the book that was seen in force, and leaves out what was left empty", () => {
  const book = { schema: 1, book: "operator", classes: [], rule: [], files: {} };
  const said = { ...nothingSaid(), on_behalf_of: " the operator ", reason: "why", until: "2026-12-01T00:00" };
  expect(missing(said)).toEqual(["legal_reference"]);
  expect(proposalOf({ ...said, legal_reference: "law" }, book, null)).toEqual({
    kind: "rules", books: [book], base: { operator: null }, on_behalf_of: "the operator", reason: "why", legal_reference: "law", until: "2026-12-01T00:00:00Z",
  });
});
