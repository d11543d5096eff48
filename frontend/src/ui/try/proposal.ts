// What was tried, filed as a proposal: by whom it may be, and what it has to say.

import type { Words } from "../../words";
import { make } from "../dom";
import { field } from "./form";
import { instant, type Book } from "./rule";

export interface Said {
  on_behalf_of: string;
  reason: string;
  legal_reference: string;
  from: string;
  until: string;
  expires: string;
  sponsor: string;
}
export interface Filed {
  change: string;
  sponsor: string | null;
  logged: boolean;
  files: { [name: string]: string };
}

export const nothingSaid = (): Said => ({ on_behalf_of: "", reason: "", legal_reference: "", from: "", until: "", expires: "", sponsor: "" });
const NEEDED = ["on_behalf_of", "reason", "legal_reference"] as const;

/** What is still to be filled in. */
export function missing(said: Said): (typeof NEEDED)[number][] {
  return NEEDED.filter((key) => said[key].trim() === "");
}

/** The body of POST /v1/changes. `seen`: the sha256 of the book that was in force when it was tried; null: none. */
export function proposalOf(said: Said, book: Book, seen: string | null): object {
  const times = (["from", "until", "expires"] as const).filter((key) => said[key]).map((key) => [key, instant(said[key])]);
  return {
    kind: "rules", books: [book], base: { [book.book]: seen }, on_behalf_of: said.on_behalf_of.trim(), reason: said.reason.trim(),
    legal_reference: said.legal_reference.trim(), ...(said.sponsor.trim() ? { sponsor: said.sponsor.trim() } : {}), ...Object.fromEntries(times),
  };
}

export function labelsOf(words: Words): { [key in keyof Said]: string } {
  const { behalf, reason, legal, begins, ends, expires, sponsor } = words.trying;
  return { on_behalf_of: behalf, reason, legal_reference: legal, from: begins, until: ends, expires, sponsor };
}

/** `without`: the role that whoever asks does not have; empty: they may. */
export function proposalForm(words: Words, said: Said, without: string, send: () => void): HTMLElement {
  const labels = labelsOf(words);
  const fields = (Object.keys(labels) as (keyof Said)[]).map((key) => {
    const time = key === "from" || key === "until" || key === "expires";
    return field(`propose-${key}`, labels[key], time ? "datetime-local" : "text", said[key], (typed) => (said[key] = typed));
  });
  const submit = (event: Event) => {
    event.preventDefault();
    if (!without) send();
  };
  const button = make("button", { type: "submit", class: "main", id: "propose", disabled: without !== "" }, words.trying.send);
  if (without) button.setAttribute("aria-describedby", "propose-needs");
  const needs = make("p", { id: "propose-needs" }, without ? words.trying.needs(without) : "");
  return make(
    "form", { id: "propose-form", class: "stacked", submit, novalidate: true },
    make("h3", {}, words.trying.save), make("p", { class: "quiet" }, words.trying.saveHint), ...fields, needs, button,
  );
}

export function filedOf(words: Words, filed: Filed, open: (id: string) => void): HTMLElement[] {
  const said = words.trying;
  if (!filed.logged) {
    const links = Object.entries(filed.files).map(([name, text]) => {
      const href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
      return make("li", {}, make("a", { href, download: name }, name));
    });
    return [make("p", {}, said.drafted), make("ul", {}, ...links)];
  }
  const go = (event: Event) => {
    event.preventDefault();
    open(filed.change);
  };
  const link = make("a", { id: "try-filed", href: `#page=changes&item=${encodeURIComponent(filed.change)}`, click: go }, said.open);
  return [make("p", {}, `${said.filed} ${filed.change}. `, link)];
}
