// A rule tried: drawn or picked, its effect computed before anybody files it.

import { make } from "../dom";
import type { Page, Part } from "../part";

export function tryPart(page: Page): Part {
  return {
    show: (box) => box.replaceChildren(make("h2", {}, page.words().trying.name)),
    hide: () => undefined,
  };
}
