// What is looked at, as a value and as the address of the page: any state is a link.

import { COLOURINGS, type Colouring } from "../map/colours";
import { LANGUAGES, type Language } from "../words";

export const THEMES = ["auto", "light", "dark"] as const;
export const VIEWS = ["globe", "flat"] as const;
export const PAGES = ["place", "trying", "changes", "operate"] as const;
export interface State {
  page: (typeof PAGES)[number];
  item: string; // what is opened on it, such as a change's id; empty: nothing
  view: (typeof VIEWS)[number];
  lng: number;
  lat: number;
  zoom: number;
  colour: Colouring;
  class: string; // empty: the network's first
  compared: boolean; // of a computed run: under the rules that its own are compared with
  satellites: boolean;
  isl: boolean;
  ground: boolean;
  pov: string; // whose claims are drawn; empty: nobody's
  place: [number, number] | null; // longitude, latitude
  at_ms: number | null; // null: now
  theme: (typeof THEMES)[number];
  language: Language;
}

export function firstState(language: Language): State {
  return {
    page: "place", item: "", view: "globe", lng: 10, lat: 25, zoom: 1.6, colour: "reason", class: "", compared: false, satellites: true, isl: false, ground: true, pov: "",
    place: null, at_ms: null, theme: "auto", language,
  };
}

/** The part of an address after `#`. What is as at first is left out. */
export function hashOf(state: State, first: State): string {
  const said = new URLSearchParams();
  if (state.page !== first.page) said.set("page", state.page);
  if (state.item) said.set("item", state.item);
  if (state.view !== first.view) said.set("view", state.view);
  said.set("at", [state.lat.toFixed(3), state.lng.toFixed(3), state.zoom.toFixed(2)].join(","));
  if (state.colour !== first.colour) said.set("colour", state.colour);
  if (state.class) said.set("class", state.class);
  if (state.compared) said.set("compared", "1");
  for (const layer of ["satellites", "isl", "ground"] as const) {
    if (state[layer] !== first[layer]) said.set(layer, state[layer] ? "1" : "0");
  }
  if (state.pov) said.set("pov", state.pov);
  if (state.place) said.set("place", `${state.place[1].toFixed(4)},${state.place[0].toFixed(4)}`);
  if (state.at_ms !== null) said.set("time", new Date(state.at_ms).toISOString());
  if (state.theme !== first.theme) said.set("theme", state.theme);
  if (state.language !== first.language) said.set("lang", state.language);
  return said.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
}

/** The state that an address names; what it does not say, or says wrongly, is as at first. */
export function stateOf(hash: string, first: State): State {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const one = <T extends string>(name: string, among: readonly T[], otherwise: T): T => {
    const value = said.get(name) as T;
    return among.includes(value) ? value : otherwise;
  };
  const flag = (name: "satellites" | "isl" | "ground") => ({ "1": true, "0": false })[said.get(name) ?? ""] ?? first[name];
  const [lat, lng, zoom] = numbers(said.get("at"), 3) ?? [first.lat, first.lng, first.zoom];
  const place = numbers(said.get("place"), 2);
  const at_ms = Date.parse(said.get("time") ?? "");
  return {
    page: one("page", PAGES, first.page),
    item: said.get("item") ?? first.item,
    view: one("view", VIEWS, first.view),
    lat: clamp(lat!, -90, 90),
    lng: clamp(lng!, -360, 360),
    zoom: clamp(zoom!, 0, 12),
    colour: one("colour", COLOURINGS, first.colour),
    class: said.get("class") ?? first.class,
    compared: said.get("compared") === "1",
    satellites: flag("satellites"),
    isl: flag("isl"),
    ground: flag("ground"),
    pov: said.get("pov") ?? first.pov,
    place: place && Math.abs(place[0]!) <= 90 ? [place[1]!, place[0]!] : null,
    at_ms: Number.isNaN(at_ms) ? null : at_ms,
    theme: one("theme", THEMES, first.theme),
    language: one("lang", Object.keys(LANGUAGES) as (keyof typeof LANGUAGES)[], first.language),
  };
}

function numbers(text: string | null, count: number): number[] | null {
  const found = (text ?? "").split(",").map((one) => (one.trim() === "" ? NaN : Number(one)));
  return found.length === count && found.every(Number.isFinite) ? found : null;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
