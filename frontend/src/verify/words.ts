// Why the ledger does not hold, in a sentence of the page's language.

import type { Words } from "../words";
import type { Reason } from "./text";

export function inWords(words: Words, reason: Reason): string {
  const said = words.changes.check.reasons[reason.kind] as (one: Reason) => string;
  return reason.kind === "unread" ? `${said(reason)} ${inWords(words, reason.reason)}` : said(reason);
}
