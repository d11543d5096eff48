// Links within the operator's page: addresses of their own, which one may open beside this one.

import { make } from "../dom";
import type { Page } from "../part";
import { itemOf, type Tab } from "./item";

export function link(page: Page, tab: Tab, id: string, text: string, attributes: { [name: string]: string } = {}): HTMLAnchorElement {
  const item = itemOf(tab, id);
  const click = (event: Event) => {
    if ((event as MouseEvent).ctrlKey || (event as MouseEvent).metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    page.set({ item });
  };
  return make("a", { href: `#page=operate&item=${encodeURIComponent(item)}`, click, ...attributes }, text);
}
