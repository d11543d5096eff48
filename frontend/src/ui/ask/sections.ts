// Boxes of a panel that are filled anew only when what they say is another: what is read or focused stays.

import { make } from "../dom";

export interface Sections {
  node: HTMLElement;
  /** `key`: all that its content is made of, first of all what it is about. */
  fill(name: string, key: readonly unknown[], content: () => Node[]): void;
}

/** `live`: what is read out when it changes; `once`: of these, what is read out when it is about something else alone. */
export function sectionsOf(names: readonly string[], live: readonly string[], once: readonly string[] = []): Sections {
  const boxes = new Map(names.map((name) => [name, make("section", { class: `ask-${name}`, ...(live.includes(name) ? {} : { "aria-live": "off" }) })]));
  const keys = new Map<string, string>();
  const subjects = new Map<string, string>();
  return {
    node: make("div", { class: "asked" }, ...boxes.values()),
    fill(name, key, content) {
      const said = JSON.stringify(key);
      if (keys.get(name) === said) return;
      keys.set(name, said);
      const subject = JSON.stringify(key[0]);
      if (once.includes(name)) boxes.get(name)!.setAttribute("aria-live", subjects.get(name) === subject ? "off" : "polite");
      subjects.set(name, subject);
      const nodes = content();
      boxes.get(name)!.replaceChildren(...nodes);
      boxes.get(name)!.hidden = nodes.length === 0;
    },
  };
}
