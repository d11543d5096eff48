// Something searched for, as it is shown: its panel, its mark on the map, and the cells that it serves.

import { PathLayer } from "@deck.gl/layers";
import { cellToBoundary } from "h3-js";
import type { Plan } from "../../data/plan";
import { ringOf } from "../../map/cells";
import { moverOf, placesOf } from "../../orbits/motion";
import { make } from "../dom";
import type { Page } from "../part";
import { asker, type Asked } from "./answer";
import type { Kind } from "./find";
import { ofRun } from "./panel";
import { satelliteLines, servedTable, stationLines, territoryLines, thingPanel, type Lines, type Terminal } from "./thing";
import { rowsIn, rowsOf } from "./things";

type Item = { kind: Kind; id: string };
export interface Things {
  /** Fills its box by what is said, and marks it on the map; null: nothing of the kind is shown. */
  show(item: Item | null, fill: (nodes: () => Node[], said: unknown) => void): void;
  /** Time has passed: satellites are elsewhere. */
  move(): void;
  /** Where what is shown is: longitude and latitude. */
  at(): [number, number] | null;
  hide(): void;
}

const LAYER = "asked";

export function thingsOf(page: Page, again: () => void): Things {
  let shown: Item | null = null;
  let terminal: Asked<Terminal> | null = null;
  const { scene } = page;
  const move = moverOf(scene.satellites);
  const inTerritory = new Map<string, number[]>();
  const ask = page.api && asker<Terminal>(page.api, (answer) => {
    terminal = answer;
    again();
  });

  function now(): number {
    const plan = page.followed().plan;
    if (page.source.offline) return page.state().at_ms ?? plan?.begins_ms ?? scene.start_ms;
    return page.state().at_ms ?? Date.now();
  }

  function satelliteAt(number: number): [number, number, number] {
    if (scene.satellites.moved_by === "nothing" || number < 0) return [NaN, NaN, NaN];
    const [km, out] = [new Float64Array(3 * scene.satellites.name.length), new Float32Array(3)];
    move(now(), km);
    placesOf(km.slice(3 * number, 3 * number + 3), out, false);
    return [out[0]!, out[1]!, out[2]!];
  }

  const numberOf = ({ kind, id }: Item): number =>
    kind === "satellite" ? scene.satellites.name.indexOf(id) : (kind === "gateway" ? scene.gateways : scene.pops).findIndex(({ name }) => name === id);

  function at(): [number, number] | null {
    if (!shown) return null;
    const number = numberOf(shown);
    if (shown.kind === "satellite") {
      const [lng, lat] = satelliteAt(number);
      return Number.isNaN(lng) ? null : [lng, lat];
    }
    const station = { gateway: scene.gateways, pop: scene.pops }[shown.kind as string]?.[number];
    return station ? [station.lon_deg, station.lat_deg] : null;
  }

  function rowsFor(item: Item, plan: Plan): number[] {
    if (item.kind !== "territory") return rowsOf(plan[item.kind as "satellite" | "gateway" | "pop"], numberOf(item));
    if (!inTerritory.has(item.id)) inTerritory.set(item.id, rowsIn(scene.borders, page.cells, item.id));
    return inTerritory.get(item.id)!;
  }

  function linesOf(item: Item): Lines | null {
    const words = page.words();
    const territory = scene.borders.features.find(({ properties }) => properties.id === item.id)?.properties;
    if (item.kind === "territory") return territory ? territoryLines(words, territory) : null;
    const number = numberOf(item);
    if (number < 0) return null;
    if (item.kind === "satellite") return satelliteLines(words, satelliteAt(number));
    return stationLines(words, scene.borders, (item.kind === "gateway" ? scene.gateways : scene.pops)[number]!);
  }

  function outline(rows: readonly number[]): void {
    const paths = rows.map((row) => ringOf(cellToBoundary(page.cells[row]!, true) as [number, number][]));
    const ink: [number, number, number] = document.documentElement.dataset.shade === "dark" ? [255, 255, 255] : [20, 30, 40];
    const layer = new PathLayer<[number, number][]>({ id: LAYER, data: paths, getPath: (one) => one, getColor: ink, getWidth: 2, widthUnits: "pixels" });
    page.view.over(LAYER, rows.length > 0 ? () => [layer] : null);
  }

  function mark(): void {
    if (shown) page.view.place(at());
  }

  function aTerminal(item: Item): Node[] {
    const words = page.words();
    const close = () => page.set({ item: "" });
    if (!page.api) return thingPanel(words, "terminal", item.id, [], close, make("p", {}, words.panel.offline));
    if (terminal?.refused) {
      const kind = (words.state as { [kind: string]: unknown })[terminal.refused];
      return thingPanel(words, "terminal", item.id, [], close, make("p", { role: "alert" }, (kind as string | undefined) ?? terminal.refused));
    }
    const found = terminal?.answer;
    if (!found) return thingPanel(words, "terminal", item.id, [], close, make("p", {}, words.panel.asking));
    const home = scene.borders.features.find(({ properties }) => properties.id === found.home_territory)?.properties.name;
    const lines: Lines = [[words.panel.state, found.state], [words.class, found.class], [words.panel.home, home ?? found.home_territory]];
    return thingPanel(words, "terminal", item.id, lines, close, make("p", { class: "quiet" }, words.panel.noPosition));
  }

  return {
    at,
    show(item, fill) {
      const other = item?.kind !== shown?.kind || item?.id !== shown?.id;
      if (!item) {
        if (shown) page.view.place(page.state().place);
        if (shown) page.view.over(LAYER, null);
        shown = null;
        return fill(() => [], null);
      }
      shown = item;
      const [words, plan, of] = [page.words(), page.followed().plan, page.ofClass()];
      if (item.kind === "terminal") {
        page.view.over(LAYER, null);
        if (other) {
          terminal = null;
          ask?.(null); // it is asked anew each time that somebody chooses it
        }
        ask?.(`v1/terminals/${encodeURIComponent(item.id)}`);
        return fill(() => aTerminal(item), terminal);
      }
      const lines = linesOf(item);
      if (!lines) return fill(() => thingPanel(words, item.kind, item.id, [], () => page.set({ item: "" }), make("p", {}, words.panel.unknown)), null);
      const rows = plan ? rowsFor(item, plan) : [];
      outline(item.kind === "territory" ? [] : rows);
      mark();
      const name = item.kind === "territory" ? (scene.borders.features.find(({ properties }) => properties.id === item.id)?.properties.name ?? item.id) : item.id;
      const told = () => {
        const table = servedTable(words, plan, rows, of, item.kind === "territory" ? words.panel.cellsOn : words.panel.cellsIn);
        if (!plan?.run?.whole) return [table];
        // Who serves a cell changes from slot to slot.
        return item.kind === "territory" ? [make("p", {}, ofRun(words, plan)), table] : [make("p", {}, words.panel.notOfWhole)];
      };
      fill(() => thingPanel(words, item.kind, name, linesOf(item)!, () => page.set({ item: "" }), ...told()), [plan?.number, of, rows.length]);
    },
    move() {
      if (shown?.kind === "satellite") mark();
    },
    hide() {
      page.view.over(LAYER, null);
      if (shown) page.view.place(page.state().place);
      shown = null;
    },
  };
}
