// The effect on the map: what changes, or before and after on both sides of a line that moves.

import { cellToLatLng } from "h3-js";
import { shapesOf, type CellShapes } from "../../map/cells";
import { css } from "../../map/colours";
import { CHANGE_COLOURS, STATE_COLOURS, coloursOfCodes, swiped, triedCells } from "../../map/drawn";
import { choice, make, swatch } from "../dom";
import type { Page } from "../part";
import { codesOf, type CellsTold } from "./effect";

export interface EffectMap {
  controls: HTMLElement;
  /** Takes all of it off the map. */
  end(): void;
}

type Kind = "change" | "swipe";
let known: { cells: string[]; shapes: CellShapes } | null = null; // outlines take a while, and stay the same

export function effectMap(page: Page, told: CellsTold): EffectMap {
  const words = page.words().trying;
  const names = Object.keys(told.classes);
  known = known?.cells === page.cells ? known : { cells: page.cells, shapes: shapesOf(page.cells) };
  const { shapes } = known;
  let of = names.includes(page.state().class) ? page.state().class : names[0]!;
  let kind: Kind = "change";
  let percent = 50;
  const { map } = page.view;
  const line = make("div", { class: "swipe-line", "aria-hidden": "true" });
  const controls = make("div", { id: "try-map" });
  let drawnAs = "";

  const globe = () => page.state().view === "globe";
  const draw = () => {
    const one = told.classes[of]!;
    const width = map.getContainer().clientWidth;
    const lineX = (width * percent) / 100;
    line.hidden = kind !== "swipe";
    line.style.left = `${lineX}px`;
    drawnAs = page.state().view;
    const colours = kind === "change"
      ? coloursOfCodes(codesOf(one.change), told.changes, CHANGE_COLOURS)
      : coloursOfCodes(swiped(codesOf(one.before), codesOf(one.after), lineX, xOf), told.states, STATE_COLOURS);
    page.view.over("tried", (globe) => [triedCells(shapes, colours, globe)]);
  };
  const xOf = (cell: number): number => {
    const [lat, lng] = cellToLatLng(page.cells[cell]!);
    const turns = Math.round((map.getCenter().lng - lng) / 360); // the copy of the flat map that is looked at
    return map.project([lng + (globe() ? 0 : 360 * turns), lat]).x;
  };
  let asked = false;
  const soon = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      if (line.isConnected) draw();
    });
  };
  const fill = () => {
    const slider = make("input", { id: "try-swipe", type: "range", min: "0", max: "100", step: "1", value: String(percent) });
    const say = () => slider.setAttribute("aria-valuetext", words.position(String(percent)));
    slider.addEventListener("input", () => {
      percent = Number(slider.value);
      say();
      soon();
    });
    say();
    const kinds = choice("try-map-kind", words.map, (["change", "swipe"] as const).map((one) => [one, words.views[one]] as const), kind, (chosen) => {
      kind = chosen;
      fill();
      draw();
      document.getElementById("try-map-kind")?.focus();
    });
    const classes = choice("try-map-class", page.words().class, names.map((one) => [one, one] as const), of, (chosen) => {
      of = chosen;
      fill();
      draw();
      document.getElementById("try-map-class")?.focus();
    });
    const swipe = kind === "swipe" ? [make("label", { for: "try-swipe", class: "tall" }, make("span", {}, words.swipe), slider)] : [];
    controls.replaceChildren(make("div", { class: "stacked" }, kinds, ...(names.length > 1 ? [classes] : []), ...swipe), legend());
  };
  const legend = () => {
    const one = told.classes[of]!;
    const [title, used, colours] = kind === "change"
      ? [words.legendChange, namesIn([one.change], told.changes), CHANGE_COLOURS] as const
      : [words.legendSwipe, namesIn([one.before, one.after], told.states), STATE_COLOURS] as const;
    const items = used.map((name) => make("li", {}, swatch(css(colours[name] ?? [128, 128, 128])), (words.codes as { [name: string]: string })[name] ?? name));
    return make("div", { class: "try-legend" }, make("p", { class: "quiet" }, title), make("ul", {}, ...items));
  };
  const moved = () => {
    if (kind === "swipe") soon();
  };
  const rendered = () => {
    if (drawnAs !== page.state().view) soon();
  };
  map.getContainer().append(line);
  map.on("move", moved);
  map.on("render", rendered);
  fill();
  draw();
  return {
    controls,
    end() {
      map.off("move", moved);
      map.off("render", rendered);
      line.remove();
      page.view.over("tried", null);
    },
  };
}

/** The names of the codes that occur, in the order of their meaning. */
export function namesIn(digits: string[], names: string[]): string[] {
  return names.filter((_, code) => digits.some((one) => one.includes(code.toString(16))));
}
