// One terminal: what is registered of it, the lease it has now, and all that was ever changed.

import type { Api } from "../../data/api";
import { make } from "../dom";
import type { Page } from "../part";
import type { Lease, Terminal } from "./fleet";
import { longest } from "./fleet";
import { told } from "./facts";
import { beginOf, clock, instant, slotNow } from "./times";
import { wrongOf } from "./trouble";

interface Change {
  id: string;
  at: string | null;
  what: string;
  before: { [name: string]: unknown };
  after: { [name: string]: unknown };
  actor: string;
  reason: string;
}
const MOST_CHANGES = 500;

export interface TerminalView {
  node: HTMLElement;
  /** Empty: none. */
  show(id: string): void;
  slot(): void;
}

export function terminalView(page: Page, api: Api, close: () => void): TerminalView {
  const node = make("section", { class: "detail", id: "terminal", keydown: (event) => (event as KeyboardEvent).key === "Escape" && close() });
  node.hidden = true;
  let shown = "";
  let lease = make("dd");

  const readLease = async (id: string, state: Terminal["state"]) => {
    const said = page.words().operate;
    const slot = page.followed().newest?.number ?? slotNow(page.scene);
    const into = lease;
    try {
      const answer = await api.get<{ leases: Lease[] }>(`v1/leases?terminal=${encodeURIComponent(id)}&slot=${slot}&limit=500`);
      const held = longest(answer.leases).get(id);
      into.textContent = held
        ? said.leaseHeld(held.lease, clock(beginOf(page.scene, Number(held.slots[1]))))
        : state === "active" ? said.leaseNone : said.leaseNotActive(said.states[state]);
    } catch (error) {
      into.textContent = wrongOf(page.words(), error);
    }
  };
  let state: Terminal["state"] = "active";
  const read = async (id: string) => {
    try {
      const [one, history] = await Promise.all([
        api.get<Terminal>(`v1/terminals/${encodeURIComponent(id)}`),
        api.get<{ items: Change[]; next: string | null }>(`v1/terminals/${encodeURIComponent(id)}/history?limit=${MOST_CHANGES}`),
      ]);
      if (shown !== id) return; // another was opened in the meantime
      state = one.state;
      fill(one, history.items, history.next !== null);
      await readLease(id, state);
    } catch (error) {
      if (shown === id) node.replaceChildren(...head(id), make("p", { role: "alert", class: "wrong" }, wrongOf(page.words(), error)), again(id));
    }
  };
  const again = (id: string) => make("button", { type: "button", click: () => void read(id) }, page.words().operate.readAgain);
  const head = (id: string) => {
    const name = page.words().panel.close;
    return [make("h2", { tabindex: "-1" }, id), make("button", { class: "close", "aria-label": name, click: close }, "✕")];
  };
  const fill = (one: Terminal, history: Change[], more: boolean) => {
    const said = page.words().operate;
    lease = make("dd");
    const facts: [string, string][] = [
      [said.columns.account, one.account],
      [said.subscription, one.subscription ?? page.words().noValue],
      [said.columns.class, one.class],
      [said.columns.home_territory, one.home_territory],
      [said.groups, one.groups.join(", ") || page.words().noValue],
      [said.columns.state, said.states[one.state] ?? one.state],
      [said.columns.enrolled_at, `${instant(one.enrolled_at)} UTC`],
      [said.version, String(one.version)],
      [said.commitment, one.commitment],
    ];
    const list = make("dl", {}, make("dt", {}, said.columns.lease), lease, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
    const rows = history.map((change) =>
      make("tr", {}, ...[`${instant(change.at)}`, change.what, told(change.before, change.after), change.actor, change.reason].map((text) => make("td", {}, text))),
    );
    const titles = [said.when, said.what, said.change, said.actor, said.reason].map((title) => make("th", { scope: "col" }, title));
    const table = make("table", {}, make("caption", {}, said.history), make("thead", {}, make("tr", {}, ...titles)), make("tbody", {}, ...rows));
    const none = history.length === 0 ? [make("p", { class: "quiet" }, said.noHistory)] : [];
    const rest = more ? [make("p", { class: "quiet" }, said.historyCut(String(MOST_CHANGES)))] : [];
    const hadFocus = node.contains(document.activeElement);
    node.replaceChildren(...head(one.id), list, table, ...none, ...rest);
    if (hadFocus) node.querySelector("h2")!.focus();
  };
  return {
    node,
    show(id) {
      const before = shown;
      shown = id;
      node.hidden = !id;
      node.setAttribute("aria-label", id);
      if (!id) return node.replaceChildren();
      if (id === before) return;
      node.replaceChildren(...head(id), make("p", { role: "status" }, page.words().operate.reading));
      if (before || document.activeElement?.closest(".grid")) node.querySelector("h2")!.focus();
      void read(id);
    },
    slot() {
      if (shown && lease.isConnected) void readLease(shown, state);
    },
  };
}
