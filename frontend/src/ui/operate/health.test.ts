import { expect, test } from "vitest";
import { LANGUAGES } from "../../words";
import { heightOf, scaleOf } from "./chart";
import { factsOf, scoreText, whereOf, type Piece } from "./evidence";
import { alertOf, beatsOf, numbersOf, type SlotRead } from "./health";
import { mayReview } from "./review_form";

const at = (s: number) => new Date(1000 * s).toISOString();
const slot = (number: number, more: Partial<SlotRead> = {}): SlotRead => ({
  number: String(number), begins_at: at(15 * number), slot_s: 15, rule_set: "", ledger: { size: "3" }, degraded: "",
  stored_at: at(15 * number - 6), applied_at: at(15 * number + 0.25), ...more,
});

test("slots stand in a row, those that were passed over too, against the begin of each", () => {
  const beats = beatsOf([slot(104, { applied_at: null }), slot(103, { degraded: "too late", stored_at: at(1546) }), slot(101), slot(100)], 4);
  expect(beats.map(({ number, kind }) => [number, kind])).toEqual([[101, "whole"], [102, "none"], [103, "degraded"], [104, "waiting"]]);
  expect(beats.map(({ stored_s, applied_s }) => [stored_s, applied_s])).toEqual([[-6, 0.25], [null, null], [1, 0.25], [-6, null]]);
  expect([beats[1]!.begins_ms, beats[2]!.why]).toEqual([1_530_000, "too late"]);
  expect(numbersOf(beats)).toEqual({ whole: 1, degraded: 1, none: 1, late_s: 0.25, early_s: 6 });
  expect(beatsOf([], 4)).toEqual([]);
  expect(numbersOf([])).toEqual({ whole: 0, degraded: 0, none: 0, late_s: null, early_s: null });
});

test("the axis holds every mark and the begin; later is higher", () => {
  const scale = scaleOf(beatsOf([slot(1), slot(2, { applied_at: at(33.5) })], 9));
  expect(scale).toEqual({ from_s: -6, to_s: 4 });
  expect(heightOf(4, scale)).toBe(10);
  expect(heightOf(0, scale)).toBeLessThan(heightOf(-6, scale));
  expect(scaleOf([])).toEqual({ from_s: -1, to_s: 1 });
});

test("an alert is read, or is none", () => {
  expect(alertOf('{"at": "T", "alarm": "ledger", "over": true, "why": ""}')).toEqual({ at: "T", alarm: "ledger", over: true, why: "" });
  expect([alertOf("{"), alertOf("{}")]).toEqual([null, null]);
});

test("evidence says where it was where it knows, its score in words, and its inputs by name", () => {
  const inputs = { hours: 130.25, lat_deg: 24, lon_deg: 121, uncertainty_m: 50, cell: "844ba0dffffffff", class: "fixed" };
  expect(whereOf(inputs)).toEqual({ lng: 121, lat: 24, radius_m: 50, cell: "844ba0dffffffff" });
  expect(whereOf({ lat_deg: 24, lon_deg: 121 })).toEqual({ lng: 121, lat: 24, radius_m: 0, cell: "" });
  expect([whereOf({}), whereOf({ lat_deg: 95, lon_deg: 0 })]).toEqual([null, null]);
  expect(factsOf({ lat_deg: 0.1 + 0.2, class: "fixed" })).toEqual([["lat deg", "0.3"], ["class", "fixed"]]);
  const piece = { score: 0.775, holds_renewal: false } as Piece;
  expect(scoreText(LANGUAGES.en, piece)).toBe("78 % of what holds back a renewal. Its lease is renewed as before.");
});

test("who may review is known by the role and the party; of whom nothing is known the server decides", () => {
  const one = { id: "p", party: "operator", roles: ["requester"], officer: null, via: "token", csrf: null };
  expect([mayReview(one), mayReview({ ...one, roles: ["auditor"] }), mayReview({ ...one, party: "regulator:TWN" }), mayReview(null)]).toEqual([true, false, false, true]);
});
