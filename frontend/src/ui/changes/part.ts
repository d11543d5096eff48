// Decisions: changes, who signed and who is missing, and the ledger that proves them.

import { make } from "../dom";
import type { Page, Part } from "../part";

export function changesPart(page: Page): Part {
  return {
    show: (box) => box.replaceChildren(make("h2", {}, page.words().changes.name)),
    hide: () => undefined,
  };
}
