import { expect, test } from "vitest";
import { LANGUAGES, languageOf } from ".";
import { statusOf } from "../ui/banner";
import { entries, nameOf } from "../ui/legend";
import { firstState, hashOf, stateOf } from "../ui/state";
import { Trouble } from "../data/source";
import { BINDINGS, type Plan } from "../data/plan";

const keys = (value: object, at = ""): string[] =>
  Object.entries(value).flatMap(([key, one]) => (typeof one === "object" ? keys(one, `${at}${key}.`) : [at + key]));
const texts = (value: object): string[] =>
  Object.values(value).flatMap((one) => (typeof one === "object" ? texts(one) : typeof one === "function" ? [one("7")] : [one]));

test("every language says everything", () => {
  for (const words of Object.values(LANGUAGES)) {
    expect(keys(words).sort()).toEqual(keys(LANGUAGES.en).sort());
    expect(texts(words).every((text) => text.trim() !== "")).toBe(true);
  }
});

test("French is not English left untranslated", () => {
  const [english, french] = [texts(LANGUAGES.en), texts(LANGUAGES.fr)];
  const same = english.filter((text, n) => text === french[n]);
  expect(new Set(same)).toEqual(new Set([
    "Globe", "Satellites", "Satellite", "PoP", "Pause", "UTC", "7 s", "7 min", "Terminal", "km²",
  ]));
});

test("French has its no-break spaces before what is set off", () => {
  const broken = texts(LANGUAGES.fr).filter((text) => / [;:?!%»]|« |'/.test(text));
  expect(broken).toEqual([]);
});

test("somebody's first language that we speak", () => {
  expect(languageOf(["de-DE", "fr-CA", "en"])).toBe("fr");
  expect(languageOf(["de"])).toBe("en");
});

test("a state is a link and back", () => {
  const first = firstState("en");
  const state = {
    ...first, view: "flat", lat: 23.5, lng: 121, zoom: 5, colour: "rtt_ms", class: "maritime", isl: true, satellites: false, pov: "JPN",
    place: [121.5, 25.03], at_ms: 1_795_000_000_000, theme: "dark", language: "fr",
  } as typeof first;
  expect(stateOf("#" + hashOf(state, first), first)).toEqual(state);
  expect(hashOf(first, first)).toBe("at=25.000,10.000,1.60");
});

test("what an address says wrongly is as at first", () => {
  const first = firstState("en");
  expect(stateOf("#view=cube&at=1,2&colour=pink&place=x,1&time=never&isl=9&lang=xx", first)).toEqual(first);
});

test("a legend counts satellites, and measures what is measured", () => {
  const texts = (colouring: "seen" | "rtt_ms") => entries(LANGUAGES.en, colouring).map(([, text]) => text);
  expect(texts("seen")).toEqual(["0", "1", "2 – 3", "4 – 7", "8 – 11", "12 – 15", "16 – 23", "24 and more"]);
  expect(texts("rtt_ms").slice(0, 2)).toEqual(["below 25", "25 – 30"]);
});

test("a legend of what binds has words for each, and a run's rates are not those of all in a cell", () => {
  for (const words of Object.values(LANGUAGES)) {
    const texts = entries(words, "binding").map(([, text]) => text);
    expect([texts.length, new Set(texts).size]).toEqual([BINDINGS.length, BINDINGS.length]);
    expect(nameOf(words, "down_mbps", true)).not.toBe(nameOf(words, "down_mbps", false));
  }
});

test("what is wrong is said: an old plan, a lesser one, a server that fails", () => {
  const newest = { begins_ms: 0, slot_ms: 15_000, degraded: "" } as Plan;
  const followed = { plan: newest, newest, live: true, trouble: null };
  const wrong = (change: object, nowMs: number) => statusOf(LANGUAGES.en, { ...followed, ...change }, false, nowMs).wrong;
  expect(wrong({}, 40_000)).toEqual([]);
  expect(wrong({}, 60_000)).toEqual(["These data are 45 s old: no newer plan has come."]);
  expect(wrong({}, 615_000)).toEqual(["These data are 10 min old: no newer plan has come."]);
  expect(wrong({ plan: { ...newest, degraded: "late" } }, 0)).toEqual(["A lesser plan is in force: late"]);
  expect(wrong({ trouble: new Trouble("server", 500) }, 0)).toEqual(["The server failed (500). Trying again."]);
  expect(statusOf(LANGUAGES.en, followed, true, 9e9)).toEqual({ badge: "A computed run, offline", wrong: [] });
});
