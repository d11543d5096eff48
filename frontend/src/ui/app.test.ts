import { expect, test } from "vitest";
import type { Followed } from "../data/follow";
import type { Plan } from "../data/plan";
import type { Scene } from "../data/scene";
import { framedBy } from "./frame";
import { due, playedOn } from "./play";
import { OF_LOOKS, classOf, currentOf, followedNext, looksOf } from "./shell";
import { firstState } from "./state";

const scene = { classes: ["fixed", "maritime"] } as Scene;
const plan = (classes: string[]) => ({ classes, binding: null }) as unknown as Plan;
const followed = (plan: Plan | null, live = true): Followed => ({ plan, newest: plan, live, trouble: null });
const first = firstState("en");

test("frames come ten times a second, and oftener where time is played faster; who wants less motion sees satellites move seldom", () => {
  const drawn = { atMs: 10_000, skyMs: 9_000 };
  const moving = { playing: true, speed: 1, still: false };
  expect(due(drawn, moving, 10_099)).toEqual({ frame: false, sky: false });
  expect(due(drawn, moving, 10_100)).toEqual({ frame: true, sky: true });
  expect(due(drawn, { ...moving, speed: 60 }, 10_033)).toEqual({ frame: true, sky: true });
  expect(due(drawn, { ...moving, playing: false, speed: 60 }, 10_033).frame).toBe(false);
  expect(due(drawn, { ...moving, playing: false }, 10_100)).toEqual({ frame: true, sky: false });
  expect(due(drawn, { ...moving, still: true }, 13_999)).toEqual({ frame: true, sky: false });
  expect(due(drawn, { ...moving, still: true }, 14_000).sky).toBe(true);
  expect(due(drawn, { playing: true, speed: 10, still: true }, 10_033).sky).toBe(true);
  expect(due({ atMs: -Infinity, skyMs: -Infinity }, moving, 0)).toEqual({ frame: true, sky: true });
});

test("a run begins again where it ends, and time without an end goes on", () => {
  expect(playedOn(1_000, 100, 60, undefined)).toBe(7_000);
  expect(playedOn(1_000, 100, 60, [0, 7_001])).toBe(7_000);
  expect(playedOn(1_000, 100, 60, [500, 7_000])).toBe(500);
});

test("what the map's looks depend on is all that they are made of", () => {
  expect(looksOf(first, true)).toEqual({ shade: "dark", globe: true, satellites: true, isl: false, ground: true, pov: "" });
  expect(looksOf({ ...first, theme: "light", view: "flat" }, true)).toMatchObject({ shade: "light", globe: false });
  const other = { theme: "light", view: "flat", satellites: false, isl: true, ground: false, pov: "CHN" } as const;
  for (const key of OF_LOOKS) expect(looksOf({ ...first, [key]: other[key] }, true), key).not.toEqual(looksOf(first, true));
});

test("a plan that stays is not made anew, and one of other classes changes the frame", () => {
  const current = currentOf({ ...first, class: "maritime" });
  expect([current.playing, classOf(current, scene)]).toEqual([true, 1]);
  expect(currentOf({ ...first, at_ms: 0 }).playing).toBe(false);
  const came = followed(plan(["maritime", "fixed"]));
  current.followed = followedNext(current, came);
  current.came = came;
  expect(classOf(current, scene)).toBe(0);
  expect(classOf({ ...current, state: { ...first, class: "aviation" } }, scene)).toBe(0);
  const later = followedNext(current, { ...came, live: false });
  expect([later.plan, later.live]).toEqual([current.followed.plan, false]);
  expect(later.plan).toBe(current.followed.plan);
  const framed = framedBy(current, scene);
  expect(framedBy({ ...current, followed: later }, scene)).toBe(framed);
  expect(framedBy({ ...current, followed: followed(plan(["fixed"])) }, scene)).not.toBe(framed);
});
