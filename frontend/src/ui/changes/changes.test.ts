import { expect, test } from "vitest";
import { LANGUAGES } from "../../words";
import { counted, differenceOf, type Book } from "./difference";
import { commandText, effectText, entriesOf, fileName, instant, listPath, missingText, movesText, saysStep, shown, stepsOf, summed, type Change } from "./model";

const en = LANGUAGES.en;
const touched = (territory: string, people_lost: number, terminals_lost: number | null = null) => ({
  territory, people_lost, people_gained: 0, terminals_lost, terminals_gained: null,
});
const change = {
  change: "c-2", status: "approving", why: "", proposed_at: "2026-11-21T14:00:00Z", not_before: "2026-11-24T00:00:00Z",
  approved_by: ["operator-2"], missing: ["1 of regulator:TWN", "", "1 of regulator:TWN"], quorum: ["a", "b", "c"],
  requester_is: "named", sponsor: null, activated_at: null, unwitnessed: false,
  entries: { proposed: 7, effect: 8, approvals: { "operator-2": 11, "operator-1": 9 }, objections: [10], activated: null },
  proposed: {
    kind: "rules", moves: [{ target: "book:operator", base: "a".repeat(64), new: "b".repeat(64) }], requester: "operator-1",
    on_behalf_of: "operator", reason: "r", legal_reference: "l",
    window: { from: "2026-11-22T00:00:00Z", until: "2026-12-01T00:00:00Z" }, expires: "2026-11-23T00:00:00Z",
  },
  effect: { effect: "e", touched: [touched("TWN", 23_000_000, 9), touched("PRY", 0)] },
} as Change;

test("a change in short: what it moves, whom it takes from, who is missing", () => {
  expect(movesText(en, change.proposed.moves)).toBe("book:operator (replaced)");
  expect(movesText(en, [{ target: "account:x", base: "active", new: "suspended" }, { target: "group:g", base: "x", new: null }])).toBe("account:x (suspended), group:g (taken away)");
  expect(movesText(en, [{ target: `account:hmac-sha256:${"c".repeat(64)}`, base: null, new: "suspended" }])).toBe("account:hmac-sha256:ccccccccccccccc… (new)");
  expect(effectText(en, "en", change.effect)).toBe("23,000,000 people lose, <10 terminals lose in TWN, PRY");
  expect(effectText(en, "en", { effect: "e", touched: [] })).toBe("nobody gains or loses");
  expect(effectText(en, "en", null)).toBe("not frozen yet");
  expect(missingText(en, change)).toBe("1 of regulator:TWN");
  expect(missingText(en, { ...change, missing: ["", "", ""] })).toBe("nobody");
  expect(missingText(en, { ...change, status: "rejected" })).toBe("–");
});

test("few are not told apart", () => {
  expect([0, 1, 9, 10, 1300].map((count) => shown(count, "en"))).toEqual(["0", "<10", "<10", "10", "1,300"]);
});

test("a sum of counts of which some are hidden is a bound", () => {
  expect(summed([9, 9, 9], "en")).toBe("≤ 27");
  expect(summed([9], "en")).toBe("<10");
  expect(summed([0, 1200, 30], "en")).toBe("1,230");
  expect(summed([0, 0], "en")).toBe("");
});

test("a step is proved by an entry of its own kind, of this change, that says the same", () => {
  const [proposed, effect, approval] = stepsOf(change);
  const entry = (type: string, body: object) => ({ type, at: "", body: { change: "c-2", ...body } });
  expect(saysStep(change, proposed!, entry("change.proposed", change.proposed))).toBe(true);
  expect(saysStep(change, proposed!, entry("change.proposed", { ...change.proposed, reason: "another" }))).toBe(false);
  expect(saysStep(change, effect!, entry("change.effect", change.effect!))).toBe(true);
  expect(saysStep(change, effect!, entry("change.effect", { ...change.effect!, effect: "f" }))).toBe(false);
  expect(saysStep(change, approval!, entry("change.approval", { officer: "operator-1" }))).toBe(true);
  expect(saysStep(change, approval!, entry("change.approval", { officer: "operator-2" }))).toBe(false);
  expect(saysStep(change, approval!, entry("change.rejection", { officer: "operator-1" }))).toBe(false);
  expect(saysStep(change, approval!, { ...entry("change.approval", { officer: "operator-1" }), body: { change: "c-3", officer: "operator-1" } })).toBe(false);
});

test("the timeline is in the ledger's order, and what is ahead comes last, by its instant", () => {
  expect(stepsOf(change).map(({ what, who, entry }) => [what, who, entry])).toEqual([
    ["proposed", "operator-1", 7], ["effect", "", 8], ["approval", "operator-1", 9], ["objection", "", 10],
    ["approval", "operator-2", 11], ["expires", "", null], ["notBefore", "", null],
  ]);
  expect(stepsOf({ ...change, status: "rejected" }).at(-1)!.entry).toBe(11);
  expect(entriesOf(change)).toEqual([7, 8, 9, 10, 11]);
});

test("pages of the list are asked for by state and order", () => {
  expect(listPath("", "newest", 50)).toBe("v1/changes?order=newest&limit=50");
  expect(listPath("void", "oldest", 9)).toBe("v1/changes?order=oldest&limit=9&status=void");
  expect(listPath("open", "newest", 9).match(/status=\w+/g)).toEqual(["status=proposed", "status=approving", "status=scheduled", "status=ready"]);
});

test("the file to sign is named by its change and decision, and nothing of it leaves its folder", () => {
  expect(fileName("c-2", "approve")).toBe("to-sign-c-2.json");
  expect(fileName("../c:2", "reject")).toBe("to-reject-.._c_2.json");
  expect(commandText("to-sign-c-2.json")).toBe("ssh-keygen -Y sign -n openleo-approval@v1 -f KEY to-sign-c-2.json");
  expect(instant("2026-11-21T14:00:00Z")).toBe("2026-11-21 14:00");
});

const rule = (id: string, effect: string, place: string) => ({ id, effect, territory: { in: place }, reason: "an example" });
const book = (...rules: ReturnType<typeof rule>[]): Book => ({ schema: 1, book: "b", classes: [], rule: rules, files: {} }) as unknown as Book;

test("rules are told apart by their ids, and a changed one key by key", () => {
  const before = book(rule("same", "permit", "world"), rule("moved", "permit", "TWN"), rule("gone", "forbid", "PRY"));
  const after = book(rule("moved", "permit", "PRY"), rule("same", "permit", "world"), rule("new", "forbid", "TWN"));
  const found = differenceOf("b", before, after);
  expect([counted(found), found.unchanged]).toEqual([{ added: 1, removed: 1, changed: 1 }, 1]);
  expect(found.rules.find(({ id }) => id === "moved")!.keys).toEqual([{ key: "territory.in", before: "TWN", after: "PRY" }]);
  expect(found.rules.find(({ id }) => id === "new")!.keys.map(({ key, after: said }) => [key, said])).toContainEqual(["effect", "forbid"]);
});

test("a book that begins or ends has all its rules added or taken away; files and classes count too", () => {
  const one = book(rule("a", "permit", "world"));
  expect(counted(differenceOf("b", null, one))).toEqual({ added: 1, removed: 0, changed: 0 });
  expect(counted(differenceOf("b", one, null))).toEqual({ added: 0, removed: 1, changed: 0 });
  const more = { ...one, classes: ["ships"], files: { "strip.geojson": { type: "Point" } } } as Book;
  expect(differenceOf("b", one, more).rules).toEqual([
    { kind: "changed", book: "b", id: "", keys: [{ key: "classes", before: "–", after: "ships" }, { key: "files/strip.geojson", before: "–", after: '{"type":"Point"}' }] },
  ]);
  expect(differenceOf("b", one, one).rules).toEqual([]);
});
