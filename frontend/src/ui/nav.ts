// The parts of the page, by name: links, as each is an address of its own.

import type { Words } from "../words";
import { make } from "./dom";
import { PAGES, type State } from "./state";

export function pagesNav(words: Words, chosen: State["page"], open: (page: State["page"]) => void): HTMLElement {
  const links = PAGES.map((page) => {
    const click = (event: Event) => {
      event.preventDefault();
      open(page);
    };
    const link = make("a", { href: `#page=${page}`, id: `to-${page}`, click }, words.pages[page]);
    if (page === chosen) link.setAttribute("aria-current", "page");
    return link;
  });
  return make("nav", { "aria-label": words.pages.name }, ...links);
}
