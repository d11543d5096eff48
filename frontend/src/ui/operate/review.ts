// The queue of what detectors found: each piece of evidence, where it was, and what somebody finds of it.

import { Refusal, type Api, type Session } from "../../data/api";
import { choice, make } from "../dom";
import type { Page } from "../part";
import { factsOf, scoreText, whereOf, type Piece, type Whole } from "./evidence";
import type { Tabbed } from "./fleet_view";
import { link } from "./links";
import { placeLayers } from "./place_layers";
import { LongList, PAGE } from "./pages";
import { nothingTyped, reviewForm, type Typed } from "./review_form";
import { clock, instant } from "./times";
import { wrongOf } from "./trouble";

const LAYER = "operate";
const CLOSE_ZOOM = 6;

export interface Queue extends Tabbed {
  /** The badge's number is read anew. */
  refresh(): void;
}

export function reviewView(page: Page, api: Api, waiting: (count: number) => void): Queue {
  let wanted: Piece["state"] | "" = "open";
  let list = listed();
  let box: HTMLElement | null = null;
  let [status, wrong, rows, detail] = [make("p"), make("div"), make("tbody"), make("section")];
  let [open, form]: [string, ReturnType<typeof reviewForm> | null] = ["", null];
  const typed = new Map<string, Typed>(); // by piece
  const said = () => page.words().operate;
  /** Who may not read is not asked for again and again: each refusal is written down. */
  const refused = () => list.now.trouble instanceof Refusal && [403, 404].includes(list.now.trouble.status);

  function listed(): LongList<Piece> {
    const made: LongList<Piece> = new LongList(api, () => `v1/evidence?limit=${PAGE}${wanted ? `&state=${wanted}` : ""}`, () => made === list && fill());
    return made;
  }
  function fill(): void {
    const { now } = list;
    if (now.whole && wanted === "open") waiting(now.rows.length);
    if (!box) return;
    const text = now.readMs === null ? "" : said().evidenceRead(String(now.rows.length), clock(now.readMs));
    if (status.textContent !== text) {
      // The time is another with each slot, and nobody is told that.
      status.setAttribute("aria-live", status.dataset.count === String(now.rows.length) ? "off" : "polite");
      status.dataset.count = String(now.rows.length);
      status.textContent = text;
    }
    wrong.replaceChildren(...(now.trouble ? [make("p", {}, wrongOf(page.words(), now.trouble))] : []));
    const focused = rows.contains(document.activeElement) ? document.activeElement!.id : "";
    const newest = [...now.rows].reverse();
    rows.replaceChildren(...newest.map((one) => {
      const name = link(page, "review", one.id, one.terminal, { id: `piece-${one.id}`, ...(one.id === open ? { "aria-current": "true" } : {}) });
      const cells = [name, said().kinds[one.kind as keyof ReturnType<typeof said>["kinds"]] ?? one.kind, scoreText(page.words(), one), instant(one.at), said().found[one.state]];
      return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
    }));
    if (focused) document.getElementById(focused)?.focus();
  }

  async function read(id: string): Promise<void> {
    form = null;
    detail.replaceChildren(make("p", { role: "status" }, said().reading));
    try {
      const [one, session] = await Promise.all([
        api.get<Whole>(`v1/evidence/${encodeURIComponent(id)}`),
        api.get<Session>("v1/session").catch(() => null), // not cached: another token may have been shown since
      ]);
      if (id === open && box) showPiece(one, session);
    } catch (error) {
      if (id !== open) return;
      const again = make("button", { type: "button", click: () => void read(id) }, said().readOn);
      detail.replaceChildren(close(), make("p", { role: "alert", class: "wrong" }, wrongOf(page.words(), error)), again);
    }
  }
  const shut = () => {
    const name = `piece-${open}`;
    page.set({ item: "review" });
    (document.getElementById(name) ?? document.getElementById("tab-review"))?.focus();
  };
  const close = () => make("button", { type: "button", class: "close", "aria-label": page.words().panel.close, click: shut }, "✕");

  function showPiece(one: Whole, session: Session | null): void {
    const where = whereOf(one.inputs);
    page.view.over(LAYER, where && ((globe) => placeLayers(where, globe)));
    if (where) page.view.map.easeTo({ center: [where.lng, where.lat], zoom: Math.max(CLOSE_ZOOM, page.view.map.getZoom()) });
    const facts: [string, Node | string][] = [
      [said().columns.id, link(page, "fleet", one.terminal, one.terminal)],
      [said().kind, said().kinds[one.kind as keyof ReturnType<typeof said>["kinds"]] ?? one.kind],
      [said().ruleOf, one.rule],
      [said().scoreName, scoreText(page.words(), one)],
      [said().when, instant(one.at)],
      ...(one.not_held_because ? [[said().notHeldBecause, one.not_held_because] as [string, string]] : []),
      ...factsOf(one.inputs),
      ...(one.reviewer ? [[said().found[one.state], `${one.reviewer}, ${instant(one.reviewed_at)}: ${one.finding ?? ""}`] as [string, string]] : []),
    ];
    if (!typed.has(one.id)) typed.set(one.id, nothingTyped());
    form = reviewForm(page, api, one, session, typed.get(one.id)!, (changed) => {
      showPiece({ ...one, ...changed }, session);
      void list.read();
    });
    detail.replaceChildren(
      close(), make("h2", { tabindex: "-1" }, one.terminal), make("p", { class: "quiet" }, where ? said().placeShown : said().noPlace),
      make("dl", {}, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])), form,
    );
    detail.querySelector("h2")!.focus();
  }

  return {
    show(given) {
      box = given;
      [status, wrong, rows] = [make("p", { class: "quiet", role: "status" }), make("div", { class: "wrong", role: "alert" }), make("tbody")];
      detail = make("section", { class: "detail", id: "evidence", "aria-label": said().evidence, keydown: (event) => (event as KeyboardEvent).key === "Escape" && shut() });
      const states = (["open", "upheld", "dismissed"] as const).map((one) => [one, said().found[one]] as const);
      const filter = choice("evidence-state", said().columns.state, [...states, ["", said().any] as const], wanted, (value) => {
        wanted = value;
        list = listed();
        void list.read();
      });
      const again = make("button", { type: "button", click: () => void list.read() }, said().readAgain);
      const titles = [said().columns.id, said().kind, said().scoreName, said().when, said().columns.state].map((title) => make("th", { scope: "col" }, title));
      const table = make("table", {}, make("caption", {}, said().queue), make("thead", {}, make("tr", {}, ...titles)), rows);
      box.replaceChildren(make("div", { class: "buttons" }, filter, again), wrong, status, make("div", { class: "queue", tabindex: "0", role: "region", "aria-label": said().queue }, table), detail);
      fill();
      void list.read();
    },
    hide() {
      box = null;
      open = "";
      page.view.over(LAYER, null);
    },
    opened(id) {
      if (id === open) return;
      open = id;
      page.view.over(LAYER, null);
      detail.hidden = !id;
      fill();
      if (id) void read(id); // which the server writes down: so it is asked for once, when somebody opens it
    },
    slot: () => void (!refused() && list.read()),
    refresh: () => void (wanted === "open" && !refused() && list.read()),
  };
}
