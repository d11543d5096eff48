// The list of changes, a page of the server's at a time: the next one when the end comes into sight, or by a button.

import type { Api } from "../../data/api";
import type { Page } from "../part";
import { choice, make } from "../dom";
import { sorry } from "./ask";
import { STATES, effectText, instant, listPath, missingText, movesText, type Change } from "./model";

const AT_ONCE = 50;
const MOST_AT_ONCE = 200;

export interface List {
  readonly node: HTMLElement;
  /** Asks again for as many as are shown. */
  again(): void;
}

export function listOf(page: Page, api: Api): List {
  const words = page.words();
  const said = words.changes;
  let filter = "";
  let order = "newest";
  let next: string | null = null;
  let asking = 0; // which answer is waited for: one to an earlier question is passed over
  const body = make("tbody");
  const wrong = make("div");
  const count = make("p", { role: "status", class: "quiet" });
  const more = make("button", { id: "more-changes", type: "button", click: () => void load(next) }, said.more);
  const heads = [said.columns.change, said.state, said.columns.moves, said.columns.effect, said.columns.missing];
  const head = make("thead", {}, make("tr", {}, ...heads.map((one) => make("th", { scope: "col" }, one))));
  const table = make("table", { id: "changes" }, make("caption", {}, said.intro), head, body);
  const states = [["", said.all], ["open", said.open], ...STATES.map((one) => [one, said.states[one]] as const)] as [string, string][];
  const choose = (change: () => void) => {
    change();
    body.replaceChildren();
    void load(listPath(filter, order, AT_ONCE));
  };
  const choices = make(
    "div",
    { class: "choices" },
    choice("changes-state", said.state, states, filter, (value) => choose(() => (filter = value))),
    choice("changes-order", said.order, [["newest", said.newest], ["oldest", said.oldest]], order, (value) => choose(() => (order = value))),
  );
  const sight = new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting) && next && wrong.childElementCount === 0) void load(next);
  });

  const rowOf = (change: Change): HTMLElement => {
    const open = (event: Event) => {
      event.preventDefault();
      page.set({ item: change.change });
    };
    const link = make("a", { href: `#page=changes&item=${encodeURIComponent(change.change)}`, click: open }, change.change);
    const state = make("td", {}, make("span", { class: "state", "data-state": change.status }, said.states[change.status]));
    const texts = [movesText(words, change.proposed.moves), effectText(words, page.state().language, change.effect), missingText(words, change)];
    const when = make("span", { class: "quiet" }, instant(change.proposed_at));
    return make("tr", {}, make("th", { scope: "row" }, link, make("br"), when), state, ...texts.map((text) => make("td", {}, text)));
  };

  async function load(path: string | null, afresh = false): Promise<void> {
    if (!path) return;
    const mine = ++asking;
    next = null;
    more.disabled = true;
    try {
      const found = await api.get<{ items: Change[]; next: string | null }>(path.replace(/^\//, ""));
      if (mine !== asking) return;
      if (afresh) body.replaceChildren();
      body.append(...found.items.map(rowOf));
      next = found.next;
      wrong.replaceChildren();
      const shown = String(body.childElementCount);
      count.textContent = shown === "0" ? said.none : next ? said.shown(shown) : said.allShown(shown);
    } catch (error) {
      if (mine !== asking) return;
      next = path;
      wrong.replaceChildren(sorry(words, error, () => void load(path, afresh)));
    }
    more.disabled = false;
    more.hidden = next === null;
    sight.unobserve(more); // so that it is told again where the end is still in sight
    sight.observe(more);
  }

  void load(listPath(filter, order, AT_ONCE));
  return {
    node: make("div", {}, make("h2", {}, said.name), choices, table, wrong, count, more),
    again: () => {
      if (body.childElementCount <= MOST_AT_ONCE) void load(listPath(filter, order, Math.max(AT_ONCE, body.childElementCount)), true);
    },
  };
}
