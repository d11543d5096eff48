import { expect, test } from "vitest";
import type { Api } from "../../data/api";
import { cell, csv, fleetCsv } from "./csv";
import { plain, told } from "./facts";
import { ANY, filtered, longest, sorted, valuesOf, type Lease, type Terminal } from "./fleet";
import { itemOf, openedBy } from "./item";
import { LongList } from "./pages";
import { ROW_PX, rowAfter, scrolledTo, shownRows } from "./window";

const terminal = (id: string, more: Partial<Terminal> = {}): Terminal => ({
  id, account: "a-1", subscription: null, class: "fixed", home_territory: "TWN", groups: [], commitment: `c-${id}`,
  state: "active", enrolled_at: "2026-11-20T00:00:00Z", version: 1, ...more,
});
const lease = (of: string, until: number): Lease => ({ lease: `l-${of}-${until}`, terminal: of, slots: ["90", String(until)] });

test("what is opened is an address, whatever an id holds", () => {
  for (const [tab, id] of [["fleet", ""], ["fleet", "a:b@c"], ["review", ""], ["review", "0f"], ["health", ""]] as const) {
    expect(openedBy(itemOf(tab, id))).toEqual({ tab, id });
  }
  expect(openedBy("nonsense:1")).toEqual({ tab: "fleet", id: "" });
});

test("a filter takes parts of ids and accounts in any case, and whole classes, territories and states", () => {
  const all = [terminal("TWN-1"), terminal("twn-2", { account: "Ship", class: "maritime", state: "lost" }), terminal("jp-3", { home_territory: "JPN" })];
  const ids = (asked: object) => filtered(all, { ...ANY, ...asked }).map((one) => one.id);
  expect(ids({})).toEqual(["TWN-1", "twn-2", "jp-3"]);
  expect(ids({ id: " Twn" })).toEqual(["TWN-1", "twn-2"]);
  expect(ids({ account: "hi" })).toEqual(["twn-2"]);
  expect(ids({ class: "fixed", home_territory: "TWN" })).toEqual(["TWN-1"]);
  expect(ids({ state: "lost" })).toEqual(["twn-2"]);
  expect(ids({ class: "fix" })).toEqual([]);
  expect(valuesOf(all, "class")).toEqual(["fixed", "maritime"]);
});

test("an order keeps what is alike by id, both ways; no lease counts as the most", () => {
  const all = [terminal("a", { class: "vehicle" }), terminal("b"), terminal("c"), terminal("d", { class: "vehicle" })];
  const ids = (by: "class" | "lease", down: boolean) =>
    sorted(all, { by, down }, longest([lease("c", 100), lease("b", 99), lease("b", 98)])).map((one) => one.id).join("");
  expect([ids("class", false), ids("class", true)]).toEqual(["bcad", "adbc"]);
  expect([ids("lease", false), ids("lease", true)]).toEqual(["bcad", "adcb"]);
});

test("of two leases that hold, the later end counts", () => {
  expect(longest([lease("a", 99), lease("a", 101), lease("a", 100)]).get("a")!.slots[1]).toBe("101");
});

test("a change is told by what is other", () => {
  expect(told({ state: "active", groups: [] }, { state: "lost", groups: ["a", "b"], key: "k" })).toBe("state: active → lost; groups: – → a, b; key: k");
  expect([plain(null), plain(0), plain(false), plain({ a: 1 })]).toEqual(["–", "0", "false", '{"a":1}']);
});

test("a cell is quoted where it must be, and is never a formula", () => {
  expect(["a", 'say "x", y', "two\nlines", "=1+1", "+1", "-1", "@a", '=A1&","'].map(cell)).toEqual([
    "a", '"say ""x"", y"', '"two\nlines"', "'=1+1", "'+1", "'-1", "'@a", '"\'=A1&"","""',
  ]);
  expect(csv(["a", "b"], [["1", ""]])).toBe("a,b\r\n1,\r\n");
  const text = fleetCsv([terminal("t", { groups: ["g:1", "g:2"] })], longest([lease("t", 7)]), (slot) => `at ${slot}`);
  expect(text.split("\r\n")[1]).toBe("t,a-1,,fixed,TWN,g:1 g:2,active,2026-11-20T00:00:00Z,1,c-t,l-t-7,at 7");
});

test("only rows in sight and a few more are drawn, at the ends too", () => {
  expect(shownRows(0, 10 * ROW_PX, 50_000)).toEqual([0, 18]);
  expect(shownRows(1000 * ROW_PX, 10 * ROW_PX, 50_000)).toEqual([992, 1018]);
  expect(shownRows(49_990 * ROW_PX, 10 * ROW_PX, 50_000)).toEqual([49_982, 50_000]);
  expect(shownRows(1000 * ROW_PX, 10 * ROW_PX, 3)).toEqual([3, 3]);
  expect(shownRows(0, 10 * ROW_PX, 0)).toEqual([0, 0]);
});

test("keys go from row to row, and the list scrolls no more than it must", () => {
  const height = 10 * ROW_PX;
  expect(["ArrowDown", "ArrowUp", "PageDown", "Home", "End"].map((key) => rowAfter(key, 0, 100, height))).toEqual([1, 0, 9, 0, 99]);
  expect([rowAfter("x", 0, 100, height), rowAfter("End", 0, 0, height)]).toEqual([null, null]);
  expect([scrolledTo(3, 0, height), scrolledTo(10, 0, height), scrolledTo(2, 5 * ROW_PX, height)]).toEqual([0, ROW_PX, 2 * ROW_PX]);
});

test("a list is read to its end, goes on after a cut, and stays as it was until it is read again", async () => {
  const asked: string[] = [];
  let cut = true;
  const get = async (path: string) => {
    asked.push(path);
    if (path === "v1/x?after=2" && cut) throw new Error("cut");
    return path === "v1/x" ? { items: [1, 2], next: "/v1/x?after=2" } : { items: [3], next: null };
  };
  const seen: string[] = [];
  const list: LongList<number> = new LongList({ get } as unknown as Api, () => "v1/x", () => seen.push(list.now.rows.join("")), () => 5);
  await list.read();
  expect(list.now).toMatchObject({ rows: [1, 2], whole: false, reading: null, trouble: new Error("cut") });
  cut = false;
  await list.read();
  expect(list.now).toEqual({ rows: [1, 2, 3], whole: true, readMs: 5, reading: null, trouble: null });
  expect(asked).toEqual(["v1/x", "v1/x?after=2", "v1/x?after=2"]);
  seen.length = 0;
  await list.read();
  expect(seen).toEqual(["123", "123", "123"]);
});
