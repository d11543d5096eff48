// Boxes of a panel that are filled anew only when what they say is another: what is read or focused stays.

import { make } from "../dom";

export interface Sections {
  node: HTMLElement;
  /** `key`: all that its content is made of. */
  fill(name: string, key: unknown, content: () => Node[]): void;
}

export function sectionsOf(names: readonly string[], live: readonly string[]): Sections {
  const boxes = new Map(names.map((name) => [name, make("section", { class: `ask-${name}`, ...(live.includes(name) ? {} : { "aria-live": "off" }) })]));
  const keys = new Map<string, string>();
  return {
    node: make("div", { class: "asked" }, ...boxes.values()),
    fill(name, key, content) {
      const said = JSON.stringify(key);
      if (keys.get(name) === said) return;
      keys.set(name, said);
      const nodes = content();
      boxes.get(name)!.replaceChildren(...nodes);
      boxes.get(name)!.hidden = nodes.length === 0;
    },
  };
}
