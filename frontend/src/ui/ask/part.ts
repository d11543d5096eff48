// A place asked about, or something searched for, beside the map.

import "./ask.css";
import type { Page, Part } from "../part";
import { asker, placePath, type Asked, type Day, type PlaceAnswer } from "./answer";
import { dayChart } from "./day";
import { entriesOf, find, itemOf, type Thing } from "./find";
import { handOvers, trip } from "./next";
import { placeHead, planned, rowAt } from "./panel";
import { searchBox } from "./search";
import { sectionsOf } from "./sections";
import { thingsOf } from "./shown";
import { make } from "../dom";
import { why } from "./why";

const CLOSE_UP = 5; // the zoom at which a place is seen with what is around it
const MOVES_MS = 1000;
const APART_MS = 3000; // each slot looked back at is computed anew: not all of those that pass are asked for

export function placePart(page: Page): Part {
  let shown = false;
  let ticking: ReturnType<typeof setInterval> | undefined;
  let asked: Asked<PlaceAnswer> | null = null;
  let day: Asked<Day> | null = null;
  let wantsDay = false;
  let before = page.state();
  const entries = entriesOf(page.scene);
  const search = searchBox(page.words(), (text) => find(entries, text, page.api !== null), choose);
  const sections = sectionsOf(["head", "plan", "why", "trip", "next", "day", "thing"], ["head", "thing"], ["thing"]);
  const things = thingsOf(page, () => tell());
  const askPlace = page.api && asker<PlaceAnswer>(page.api, (answer) => {
    // While a place is asked about again in the next slot, what was said of it stays.
    if (answer.answer || answer.refused || placeOf(answer.key) !== placeOf(asked?.key ?? "")) asked = answer;
    tell();
  }, APART_MS);
  const askDay = page.api && asker<Day>(page.api, (answer) => {
    day = answer;
    tell();
  });

  function choose(thing: Thing): void {
    const item = thing.kind === "place" ? "" : `${thing.kind}:${thing.id}`;
    page.set({ item, place: thing.kind === "place" ? thing.at : null });
    const at = thing.at ?? things.at();
    const zoom = thing.kind === "satellite" || thing.kind === "territory" ? 3.5 : CLOSE_UP;
    if (at) page.view.map.flyTo({ center: at, zoom: Math.max(zoom, page.view.map.getZoom()) });
  }

  function tell(): void {
    if (!shown) return;
    const [words, state, item] = [page.words(), page.state(), itemOf(page.state().item)];
    const number = (value: number) => new Intl.NumberFormat(state.language, { maximumFractionDigits: 1, minimumFractionDigits: 1 }).format(value);
    const plan = page.followed().plan;
    const of = page.ofClass();
    const class_ = (plan?.classes ?? page.scene.classes)[of] ?? "";
    const place = item ? null : state.place;
    const row = place ? rowAt(page.rowOf, page.scene.resolution, place) : undefined;
    // Under other rules, and of the whole run, a plan of the same number says something else.
    const key = [state.language, place, item, state.compared, plan?.run?.whole ?? false];
    things.show(item, (nodes, said) => sections.fill("thing", [key, said], nodes));
    const close = () => page.set({ place: null, item: "" });
    const reason = plan && row !== undefined ? plan.reason[row * plan.classes.length + of] : null;
    sections.fill("head", [key, plan === null, reason], () => (item ? [] : placeHead(words, state.language, page.scene, plan, row, place, of, close)));
    const inPlan = plan && row !== undefined;
    sections.fill("plan", [key, of, inPlan && plan.number], () => (inPlan ? planned(words, state.language, page.scene, plan, row) : []));
    askPlace?.(place && plan ? `v1/places${placePath(place, { slot: String(plan.number) })}` : null);
    const said = place && asked && placeOf(asked.key) === placePath(place, {}) ? asked : null;
    const answer = said?.answer ?? null;
    const rules = answer?.classes.find(({ name }) => name === class_);
    sections.fill("why", [key, class_, rules, answer?.ledger_size, said?.refused, page.api === null], () => {
      if (answer) return why(words, answer, class_, (change) => page.set({ page: "changes", item: change }));
      if (place && !page.api) return [make("p", { class: "quiet" }, words.panel.offline)];
      return said?.refused ? [make("p", {}, (words.state as { [kind: string]: unknown })[said.refused] as string ?? said.refused)] : [];
    });
    sections.fill("trip", [key, answer?.terms, answer?.why_no_terms, answer?.hops], () => (answer ? trip(words, number, answer) : []));
    sections.fill("next", [key, answer?.hand_overs, answer?.why_no_hand_overs], () => (answer ? handOvers(words, number, answer) : []));
    tellDay(place && row !== undefined ? `v1/places/day${placePath(place, { class: class_ })}` : null, key, number);
  }

  function tellDay(path: string | null, key: unknown, number: (value: number) => string): void {
    if (path !== day?.key) {
      day = null;
      askDay?.(wantsDay ? path : null);
    }
    const words = page.words();
    sections.fill("day", [key, path, day, wantsDay], () => {
      if (!path || !page.api) return [];
      const heading = make("h3", {}, words.panel.day);
      if (day?.answer) return [heading, dayChart(words, number, day.answer.samples), make("p", { class: "quiet" }, words.panel.dayHow)];
      if (day?.refused) return [heading, make("p", { role: "alert" }, day.refused)];
      if (day) return [heading, make("p", { role: "status" }, words.panel.computing)];
      const want = () => {
        wantsDay = true;
        tell();
      };
      return [heading, make("button", { type: "button", id: "day", click: want }, words.panel.showDay)];
    });
  }

  return {
    show(box) {
      shown = true;
      search.words(page.words());
      box.replaceChildren(search.node, sections.node);
      ticking = setInterval(() => things.move(), MOVES_MS);
      tell();
    },
    hide() {
      shown = false;
      clearInterval(ticking);
      things.hide();
    },
    turned() {
      const state = page.state();
      // A click on the map while something else is shown asks about the place.
      const clicked = state.place !== null && state.place !== before.place && state.item !== "" && state.item === before.item;
      if (state.place === null || state.place !== before.place) wantsDay = false;
      before = state;
      if (clicked) page.set({ item: "" });
      else tell();
    },
    planned: tell,
  };
}

/** Which place a question's address is about, whatever the slot. */
function placeOf(path: string): string {
  const said = new URLSearchParams(path.split("?")[1] ?? "");
  return `?${new URLSearchParams({ lat: said.get("lat") ?? "", lon: said.get("lon") ?? "" })}`;
}
