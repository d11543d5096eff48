// Decisions: changes, who signed and who is missing, and the ledger that proves them.

import "./changes.css";
import type { Page, Part } from "../part";
import { listOf, type List } from "./list";
import { changePage, type Opened } from "./page";
import type { Typed } from "./sign";

const AFTER_MS = 30_000; // an approval by somebody else is no event of the server's: it is looked for now and then

export function changesPart(page: Page): Part {
  const { api } = page;
  let box: HTMLElement | null = null;
  let list: List | null = null;
  let opened: Opened | null = null;
  let looked = 0;
  let scrolled = 0;
  let item = ""; // what is opened
  const typed = new Map<string, Typed>(); // by change

  const turn = (): void => {
    if (!box || !api) return;
    item = page.state().item;
    if (list?.node.isConnected) scrolled = box.scrollTop;
    opened?.close();
    if (item && !typed.has(item)) typed.set(item, { officer: "", signature: "", decision: "approve" });
    opened = item ? changePage(page, api, item, typed.get(item)!) : null;
    if (!opened) list ??= listOf(page, api);
    box.replaceChildren((opened ?? list!).node);
    box.scrollTop = opened ? 0 : scrolled;
    looked = Date.now();
  };
  return {
    show(next) {
      box = next;
      turn();
    },
    hide() {
      opened?.close();
      box?.replaceChildren();
      [box, list, opened] = [null, null, null];
    },
    turned() {
      if (page.state().item === item) return; // a place or class that is another changes nothing here, nor what is typed
      const within = box?.contains(document.activeElement);
      turn();
      if (within) box?.focus(); // what was pressed is gone
    },
    heard({ event }) {
      if (!box || (event !== "policy" && Date.now() - looked < AFTER_MS)) return;
      looked = Date.now();
      if (opened) opened.again();
      else list?.again();
    },
  };
}
