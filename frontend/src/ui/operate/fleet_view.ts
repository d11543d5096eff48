// The fleet: terminals in a grid, what is asked of them, their file, and the one that is opened.

import type { Api } from "../../data/api";
import type { Words } from "../../words";
import { choice, make } from "../dom";
import type { Page } from "../part";
import { fleetCsv } from "./csv";
import { ANY, COLUMNS, STATES, filtered, longest, sorted, valuesOf, type Asked, type Column, type Lease, type Leases, type Order, type Terminal } from "./fleet";
import { link } from "./links";
import { LongList, PAGE } from "./pages";
import { gridOf, type Grid } from "./table";
import { terminalView } from "./terminal";
import { beginOf, clock, instant, slotNow } from "./times";
import { wrongOf } from "./trouble";

const DRAWN_EVERY_MS = 200; // while pages come

export interface Tabbed {
  show(box: HTMLElement): void;
  hide(): void;
  /** Another thing is opened in it; empty: none. */
  opened(id: string): void;
  slot(): void;
}

export function fleetView(page: Page, api: Api): Tabbed {
  const terminals = new LongList<Terminal>(api, () => `v1/terminals?limit=${PAGE}`, () => soon());
  const leaseList = new LongList<Lease>(api, () => `v1/leases?limit=${PAGE}&slot=${page.followed().newest?.number ?? slotNow(page.scene)}`, () => soon());
  let [asked, order]: [Asked, Order] = [ANY, { by: "id", down: false }];
  let rows: Terminal[] = [];
  let leases: Leases = new Map();
  let grid: Grid | null = null;
  let open = "";
  let sought = ""; // the opened one, until its row was had in sight
  let [status, wrong, filters, progress, saved] = [make("p"), make("div"), make("div"), make("p"), make("button")];
  const detail = terminalView(page, api, () => {
    page.set({ item: "" });
    grid?.focus();
  });

  let waiting: ReturnType<typeof setTimeout> | undefined;
  const soon = () => {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      arrange();
    }, DRAWN_EVERY_MS);
  };
  const words = () => page.words().operate;
  const count = (number: number) => number.toLocaleString(page.state().language);
  const until = (slot: number) => beginOf(page.scene, slot);

  function arrange(): void {
    if (!grid) return;
    leases = longest(leaseList.now.rows);
    rows = sorted(filtered(terminals.now.rows, asked), order, leases);
    grid.show(rows.length, order.by, order.down);
    tell();
    const row = sought ? rows.findIndex((one) => one.id === sought) : -1;
    if (row < 0) return;
    sought = "";
    grid.go(row);
  }

  function tell(): void {
    const [said, of, held] = [words(), terminals.now, leaseList.now];
    const text =
      of.readMs === null ? "" : said.fleetRead(count(of.rows.length), count(rows.length), clock(of.readMs)) + (held.readMs === null ? "" : ` ${said.leasesRead(clock(held.readMs))}`);
    if (status.textContent !== text) status.textContent = text; // said once, not with each page
    const reading = of.reading !== null ? said.readingTerminals(count(of.reading)) : held.reading !== null ? said.readingLeases(count(held.reading)) : "";
    progress.replaceChildren(...(reading ? [make("progress", { "aria-label": reading }), ` ${reading}`] : []));
    const troubles = [of.trouble, held.trouble].filter((one) => one !== null);
    const lines = [...new Set(troubles.map((one) => wrongOf(page.words(), one)))];
    if (wrong.dataset.said !== lines.join("\n")) {
      wrong.dataset.said = lines.join("\n");
      wrong.replaceChildren(...lines.map((one) => make("p", {}, one)));
      if (lines.length > 0) wrong.append(make("button", { type: "button", click: () => void read(false) }, said.readOn));
    }
    saved.textContent = said.saveCsv(count(rows.length));
    saved.toggleAttribute("disabled", rows.length === 0);
    const empty = of.whole && rows.length === 0;
    grid!.node.hidden = empty;
    if (empty && !progress.hasChildNodes()) progress.textContent = of.rows.length === 0 ? said.noTerminals : said.noneSuch;
    fillFilters();
  }

  /** What is missing, or all anew. Terminals first: they are the list; leases tell more of it. */
  async function read(anew: boolean): Promise<void> {
    if (anew || !terminals.now.whole || terminals.now.trouble) await terminals.read();
    if (terminals.now.whole && !terminals.now.trouble && grid) await leaseList.read();
  }

  function cellsOf(row: number): (Node | string)[] {
    const one = rows[row]!;
    return COLUMNS.map((name) => {
      if (name === "id") return link(page, "fleet", one.id, one.id, { tabindex: "-1" });
      if (name === "state") return words().states[one.state] ?? one.state;
      if (name === "enrolled_at") return instant(one.enrolled_at).slice(0, 10);
      if (name === "lease") return leaseText(page.words(), leases.get(one.id), leaseList.now.whole, until);
      return one[name];
    });
  }

  function save(): void {
    const text = fleetCsv(rows, leases, (slot) => new Date(until(slot)).toISOString());
    const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    make("a", { href: url, download: `${page.scene.name}-terminals.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  let options = "";
  /** What may be chosen is what there is: the choices are made anew when that is other, and keep what was chosen. */
  function fillFilters(): void {
    const [classes, homes] = [valuesOf(terminals.now.rows, "class"), valuesOf(terminals.now.rows, "home_territory")];
    const known = JSON.stringify([classes, homes, page.state().language]);
    if (known === options && filters.hasChildNodes()) return;
    options = known;
    const focused = filters.contains(document.activeElement) ? document.activeElement!.id : "";
    const [said, ask] = [words(), (change: Partial<Asked>) => {
      asked = { ...asked, ...change };
      arrange();
    }];
    const text = (id: "id" | "account") => {
      const input = make("input", { id: `ask-${id}`, type: "search", autocomplete: "off", input: (event) => ask({ [id]: (event.target as HTMLInputElement).value }) });
      input.value = asked[id];
      return make("label", { for: `ask-${id}` }, make("span", {}, said.columns[id]), input);
    };
    const one = (id: "class" | "home_territory" | "state", values: readonly string[], name = (value: string) => value) =>
      choice(`ask-${id}`, said.columns[id], [["", said.any], ...values.map((value) => [value, name(value)] as const)], asked[id], (value) => ask({ [id]: value }));
    filters.replaceChildren(
      text("id"), text("account"), one("class", classes), one("home_territory", homes),
      one("state", STATES, (value) => said.states[value as Terminal["state"]]),
    );
    if (focused) document.getElementById(focused)?.focus();
  }

  return {
    show(box) {
      const said = words();
      [status, wrong, progress] = [make("p", { class: "quiet", role: "status" }), make("div", { role: "alert", class: "wrong" }), make("p", { class: "quiet" })];
      filters = make("div", { class: "filters", role: "search", "aria-label": said.filter });
      saved = make("button", { type: "button", id: "save-csv", click: save });
      const again = make("button", { type: "button", id: "read-fleet", click: () => void read(true) }, said.readAgain);
      const sort = (by: string) => {
        order = { by: by as Column, down: order.by === by && !order.down };
        arrange();
      };
      grid = gridOf(said.fleet, COLUMNS.map((name) => ({ name, title: said.columns[name] })), cellsOf, (row) => rows[row]?.id === open, (row) => page.set({ item: `terminal:${rows[row]!.id}` }), sort);
      box.replaceChildren(filters, make("div", { class: "buttons" }, saved, again, progress), wrong, status, grid.node, detail.node);
      sought = open;
      arrange();
      if (!terminals.now.whole || !leaseList.now.whole) void read(false);
    },
    hide() {
      grid = null;
      terminals.stop();
      leaseList.stop();
      detail.show("");
    },
    opened(id) {
      const another = id !== open;
      open = id;
      detail.show(id);
      if (!another) return;
      sought = id;
      arrange();
    },
    slot: () => detail.slot(),
  };
}

export function leaseText(words: Words, held: Lease | undefined, known: boolean, until: (slot: number) => number): string {
  if (held) return words.operate.until(clock(until(Number(held.slots[1]))));
  return known ? words.noValue : words.operate.notRead;
}
