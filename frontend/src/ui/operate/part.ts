// Operation: the fleet, evidence of misuse, the slot loop, alerts.

import { make } from "../dom";
import type { Page, Part } from "../part";

export function operatePart(page: Page): Part {
  return {
    show: (box) => box.replaceChildren(make("h2", {}, page.words().operate.name)),
    hide: () => undefined,
  };
}
