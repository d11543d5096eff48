// The search box: an ARIA combobox whose list opens while somebody types.

import type { Words } from "../../words";
import { make } from "../dom";
import type { Thing } from "./find";

export interface Search {
  node: HTMLElement;
  /** All in another language; what was typed stays. */
  words(words: Words): void;
}

export function searchBox(first: Words, find: (text: string) => Thing[], chosen: (thing: Thing) => void): Search {
  let words = first;
  let found: Thing[] = [];
  let active = -1;
  const label = make("label", { for: "search" });
  const list = make("ul", { id: "found", role: "listbox", hidden: true });
  const count = make("output", { class: "unseen", role: "status" });
  const input = make("input", {
    id: "search", type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "found",
    input: () => look(), keydown: (event) => pressed(event as KeyboardEvent), blur: () => shut(),
  });

  function look(): void {
    found = find(input.value);
    active = -1;
    list.replaceChildren(...found.map(option));
    open(found.length > 0);
    count.textContent = input.value.trim() === "" ? "" : words.search.found(found.length);
  }

  function option(thing: Thing, n: number): HTMLElement {
    const kind = make("span", { class: "quiet" }, words.search.kinds[thing.kind]);
    const take = () => choose(n);
    return make("li", { id: `found-${n}`, role: "option", "aria-selected": "false", mousedown: (event) => event.preventDefault(), click: take },
      make("span", {}, thing.name), " ", kind);
  }

  function open(shown: boolean): void {
    list.hidden = !shown;
    input.setAttribute("aria-expanded", String(shown));
    if (!shown) input.removeAttribute("aria-activedescendant");
  }

  function shut(): void {
    open(false);
    active = -1;
  }

  function point(to: number): void {
    active = (to + found.length) % found.length;
    [...list.children].forEach((one, n) => one.setAttribute("aria-selected", String(n === active)));
    input.setAttribute("aria-activedescendant", `found-${active}`);
    list.children[active]?.scrollIntoView({ block: "nearest" });
  }

  function choose(n: number): void {
    const thing = found[n];
    if (!thing) return;
    input.value = thing.name;
    count.textContent = "";
    shut();
    chosen(thing);
  }

  function pressed(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      if (list.hidden) look();
      if (found.length > 0) point(active < 0 && step < 0 ? -1 : active + step);
    } else if (event.key === "Enter") {
      if (list.hidden) look();
      choose(Math.max(active, 0));
    } else if (event.key === "Escape") {
      if (list.hidden) input.value = "";
      shut();
    } else {
      return;
    }
    event.preventDefault();
  }

  const say = (next: Words) => {
    words = next;
    label.textContent = words.search.name;
    input.setAttribute("placeholder", words.search.hint);
    list.setAttribute("aria-label", words.search.list);
    shut();
  };
  say(first);
  // The panel around it is told when it changes; what somebody types here is not.
  return { node: make("div", { class: "search", "aria-live": "off" }, label, input, list, count), words: say };
}
