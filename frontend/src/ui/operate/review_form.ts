// What somebody finds of a piece of evidence, said to the server.

import type { Api, Session } from "../../data/api";
import { make } from "../dom";
import type { Page } from "../part";
import type { Piece } from "./evidence";
import { wrongOf } from "./trouble";

const ROLE = "requester";

/** Who may review: where it is not known who asks, the server says. */
export function mayReview(session: Session | null): boolean {
  return session === null || (session.party === "operator" && session.roles.includes(ROLE));
}

/** What somebody typed of a piece of evidence, kept while they look elsewhere or change the language. */
export interface Typed {
  state: string; // as it is chosen; empty: not yet
  finding: string;
}

export const nothingTyped = (): Typed => ({ state: "", finding: "" });

/** `done` is told what became of the piece; what was typed is then said, and typed no more. */
export function reviewForm(page: Page, api: Api, one: Piece, session: Session | null, typed: Typed, done: (changed: Piece) => void): HTMLElement {
  const said = page.words().operate;
  if (one.state === "dismissed") return make("p", { class: "quiet" }, said.dismissedStays);
  const finding = make("textarea", { id: "finding", required: true, maxlength: "2000", input: () => (typed.finding = finding.value) });
  finding.value = typed.finding;
  const wrong = make("p", { role: "alert" });
  const choices = (["upheld", "dismissed"] as const)
    .filter((state) => state !== one.state)
    .map((state) => make("label", { class: "tick" }, make("input", { type: "radio", name: "review", value: state, required: true, checked: state === typed.state, change: () => (typed.state = state) }), make("span", {}, said.decide[state])));
  const send = make("button", { type: "submit" }, said.send);
  const fields = make("fieldset", { class: "review" }, make("legend", {}, said.finding), ...choices, make("label", { for: "finding" }, make("span", {}, said.why)), finding, send);
  fields.disabled = !mayReview(session);
  const submit = async (event: Event) => {
    event.preventDefault();
    send.disabled = true;
    wrong.textContent = "";
    try {
      const changed = await api.post<Piece & { next_step: string | null }>(`v1/evidence/${one.id}/review`, { ...typed });
      Object.assign(typed, nothingTyped());
      done(changed);
      if (changed.next_step) document.getElementById("evidence")?.append(make("p", { role: "status" }, changed.next_step));
    } catch (error) {
      wrong.textContent = wrongOf(page.words(), error); // what was written stays where it is
    } finally {
      send.disabled = false;
    }
  };
  const form = make("form", { submit: (event) => void submit(event) }, fields, wrong);
  if (fields.disabled) form.append(make("p", { class: "quiet" }, said.needsRole(ROLE)));
  return form;
}
