// Operation: the fleet, evidence of misuse, the slot loop's health and alerts. Each is a tab with an address.

import type { Api } from "../../data/api";
import { make } from "../dom";
import type { Page, Part } from "../part";
import { fleetView, type Tabbed } from "./fleet_view";
import { TABS, openedBy, type Tab } from "./item";
import { link } from "./links";
import "./operate.css";

export function operatePart(page: Page): Part {
  if (!page.api) return { show: () => undefined, hide: () => undefined };
  const api: Api = page.api;
  const views: Partial<{ [tab in Tab]: Tabbed }> = { fleet: fleetView(page, api) };
  const counts: { [tab in Tab]: number } = { fleet: 0, review: 0, health: 0 };
  let root: HTMLElement | null = null;
  let [tabs, box] = [make("nav"), make("div")];
  let shown: Tab | null = null;

  const names = () => {
    const said = page.words().operate;
    const focused = tabs.contains(document.activeElement) ? document.activeElement!.id : "";
    tabs.replaceChildren(
      ...TABS.filter((tab) => tab in views).map((tab) => {
        const one = link(page, tab, "", said.tabs[tab], { id: `tab-${tab}`, ...(tab === shown ? { "aria-current": "page" } : {}) });
        if (counts[tab] > 0) one.append(make("span", { class: "count" }, said.waiting[tab as "review" | "health"](String(counts[tab]))));
        return one;
      }),
    );
    if (focused) document.getElementById(focused)?.focus();
  };
  const turned = () => {
    if (!root) return;
    const { tab, id } = openedBy(page.state().item);
    if (tab !== shown) {
      if (shown) views[shown]?.hide();
      shown = tab;
      box.dataset.tab = tab;
      views[tab]?.show(box);
    }
    views[tab]?.opened(id);
    names();
  };
  return {
    show(given) {
      tabs = make("nav", { "aria-label": page.words().operate.name });
      box = make("div", { class: "tab" });
      root = make("div", { class: "operate" }, tabs, box);
      given.replaceChildren(root);
      turned();
    },
    hide() {
      if (shown) views[shown]?.hide();
      [root, shown] = [null, null];
    },
    turned,
    heard(event) {
      if (event.event === "slot" && shown) views[shown]?.slot();
    },
  };
}
