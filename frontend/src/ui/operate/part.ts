// Operation: the fleet, evidence of misuse, the slot loop's health and alerts. Each is a tab with an address.

import type { Api } from "../../data/api";
import { make } from "../dom";
import type { Page, Part } from "../part";
import { fleetView, type Tabbed } from "./fleet_view";
import { alertOf } from "./health";
import { healthView } from "./health_view";
import { TABS, openedBy, type Tab } from "./item";
import { link } from "./links";
import "./operate.css";
import { reviewView } from "./review";

export function operatePart(page: Page): Part {
  if (!page.api) return { show: () => undefined, hide: () => undefined };
  const api: Api = page.api;
  const counted = (tab: Tab) => (count: number) => {
    if (counts[tab] === count) return;
    counts[tab] = count;
    if (root) names();
  };
  const [review, health] = [reviewView(page, api, counted("review")), healthView(page, api, counted("health"))];
  const views: { [tab in Tab]: Tabbed } = { fleet: fleetView(page, api), review, health };
  const counts: { [tab in Tab]: number } = { fleet: 0, review: 0, health: 0 };
  let root: HTMLElement | null = null;
  let [tabs, box] = [make("nav"), make("div")];
  let shown: Tab | null = null;

  const names = () => {
    const said = page.words().operate;
    const focused = tabs.contains(document.activeElement) ? document.activeElement!.id : "";
    tabs.replaceChildren(
      ...TABS.map((tab) => {
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
      if (shown) views[shown].hide();
      shown = tab;
      box.dataset.tab = tab;
      views[tab].show(box);
    }
    views[tab].opened(id);
    names();
  };
  /** What other tabs count: the one that is shown reads for itself. */
  const refresh = () => {
    if (shown !== "review") review.refresh();
    if (shown !== "health") health.refresh();
  };
  return {
    show(given) {
      tabs = make("nav", { "aria-label": page.words().operate.name });
      box = make("div", { class: "tab" });
      root = make("div", { class: "operate" }, tabs, box);
      given.replaceChildren(root);
      turned();
      refresh();
    },
    hide() {
      if (shown) views[shown].hide();
      [root, shown] = [null, null];
    },
    turned,
    heard(event) {
      const alert = event.event === "alert" ? alertOf(event.data) : null;
      if (alert) health.told(alert); // whatever is shown
      if (!shown) return;
      if (event.event === "slot") views[shown].slot();
      refresh();
    },
  };
}
