// What went wrong, in a sentence: the server's own where it gave one.

import { Refusal } from "../../data/api";
import { Trouble } from "../../data/source";
import { Failed } from "../../verify/check";
import type { Words } from "../../words";
import { make } from "../dom";

export function whyOf(words: Words, error: unknown): string {
  if (error instanceof Refusal) return error.detail || error.title || words.changes.serverFailed(String(error.status));
  if (error instanceof Failed) return words.changes.serverFailed(String(error.status));
  if (error instanceof Trouble || error instanceof TypeError) return words.changes.unreachable;
  return String(error);
}

/** That something could not be read, and a button to try again. */
export function sorry(words: Words, error: unknown, again: () => void): HTMLElement {
  const button = make("button", { type: "button", click: again }, words.changes.again);
  return make("div", { class: "sorry", role: "alert" }, make("p", {}, words.changes.failed(whyOf(words, error))), button);
}

/** A table with a caption, its headers, and rows whose first cell is a header. */
export function tableOf(caption: string, heads: string[], rows: (string | Node)[][]): HTMLElement {
  const head = make("tr", {}, ...heads.map((one) => make("th", { scope: "col" }, one)));
  const body = rows.map(([first, ...rest]) => make("tr", {}, make("th", { scope: "row" }, first ?? ""), ...rest.map((one) => make("td", {}, one))));
  const table = make("table", {}, ...(caption ? [make("caption", {}, caption)] : []), make("thead", {}, head), make("tbody", {}, ...body));
  return make("div", { class: "wide" }, table);
}

export function section(id: string, name: string, ...children: (Node | string)[]): HTMLElement {
  return make("section", { id, "aria-labelledby": `${id}-name` }, make("h3", { id: `${id}-name` }, name), ...children);
}

/** Bytes as a file that the reader keeps. */
export function save(name: string, bytes: BlobPart): void {
  const address = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
