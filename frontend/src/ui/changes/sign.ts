// What an officer signs, as a file; and what they signed, handed in. Nothing that was typed is lost when it is refused.

import type { Api, Session } from "../../data/api";
import { sha256 } from "../../verify/merkle";
import { toHex } from "../../verify/text";
import { choice, make } from "../dom";
import type { Page } from "../part";
import { save, section, whyOf } from "./ask";
import { DECISIONS, OPEN, commandText, fileName, pathOf, type Change, type Decision } from "./model";

export interface Form {
  readonly node: HTMLElement;
  /** What may be done with it now, as the change stands. */
  stands(change: Change, session: Session | null): void;
}

/** What somebody typed, kept while they look elsewhere or change the language. */
export interface Typed {
  officer: string;
  signature: string;
  decision: Decision;
}

export function signForm(page: Page, api: Api, id: string, typed: Typed, handed: (change: Change) => void): Form {
  const words = page.words();
  const said = words.changes.sign;
  let allowed = false;
  const command = make("code", { id: "sign-command" }, commandText(fileName(id, typed.decision)));
  const about = make("p", { role: "status", class: "quiet", id: "sign-bytes" });
  const told = make("p", { role: "status", id: "sign-told" });
  const copied = make("span", { role: "status", class: "quiet" });
  const why = make("p", { class: "quiet", id: "sign-why" });
  const decisions = choice("decision", said.decision, DECISIONS.map((one) => [one, said.decisions[one]] as const), typed.decision, (value) => {
    typed.decision = value;
    command.textContent = commandText(fileName(id, value));
    about.textContent = copied.textContent = "";
  });
  const download = make("button", { type: "button", id: "to-sign", click: () => void fetched() }, said.download);
  const copy = make("button", { type: "button", click: () => void copyCommand() }, said.copy);
  const keep = () => ([typed.officer, typed.signature] = [officer.value, signature.value]);
  const officer = make("input", { id: "officer", name: "officer", autocomplete: "off", spellcheck: "false", value: typed.officer, input: keep });
  const signature = make("textarea", { id: "signature", rows: "6", spellcheck: "false", autocomplete: "off", input: keep });
  signature.value = typed.signature;
  const file = make("input", { type: "file", id: "sig-file", accept: ".sig", change: () => void chosen() });
  const send = make("button", { type: "submit", id: "send-signature", "aria-describedby": "sign-why" }, said.send);

  async function fetched(): Promise<void> {
    try {
      const name = fileName(id, typed.decision);
      const bytes = await api.bytes(pathOf(id, `/to-sign?decision=${typed.decision}`));
      save(name, bytes as BlobPart);
      const hash = crypto.subtle ? toHex(await sha256(new Uint8Array(bytes))) : "–";
      about.textContent = said.bytes(name, String(bytes.length), hash);
    } catch (error) {
      about.textContent = whyOf(words, error);
    }
  }
  async function copyCommand(): Promise<void> {
    await navigator.clipboard.writeText(command.textContent ?? "").then(() => (copied.textContent = said.copied), () => getSelection()?.selectAllChildren(command));
  }
  async function chosen(): Promise<void> {
    const [one] = file.files ?? [];
    if (!one) return;
    signature.value = await one.text();
    keep();
  }
  async function handIn(event: Event): Promise<void> {
    event.preventDefault();
    const body = { officer: officer.value.trim(), signature: signature.value, decision: typed.decision };
    if (!body.officer || !body.signature.trim()) {
      told.textContent = said.incomplete;
      return;
    }
    send.disabled = true;
    try {
      const answer = await api.post<Change & { entry: number }>(pathOf(id, "/approvals"), body);
      told.textContent = said.sent(String(answer.entry));
      signature.value = file.value = "";
      keep();
      handed(answer);
    } catch (error) {
      told.textContent = whyOf(words, error);
    }
    send.disabled = !allowed;
  }

  const field = (label: string, input: HTMLElement) => make("label", { for: input.id, class: "field" }, make("span", {}, label), input);
  const form = make(
    "form",
    { submit: (event) => void handIn(event) },
    field(said.officer, officer), field(said.signature, signature), field(said.file, file), send, why, told,
  );
  const commanded = make("p", { class: "command" }, command, copy, copied);
  const node = section("sign", said.name, make("p", {}, said.intro), make("div", { class: "choices" }, decisions, download), about, make("p", {}, said.command), commanded, form);
  return {
    node,
    stands(change, session) {
      const open = OPEN.includes(change.status);
      const may = session?.roles.includes("approver") ?? false;
      download.disabled = change.effect === null;
      allowed = open && change.effect !== null && may;
      send.disabled = !allowed;
      if (!officer.value && session?.officer) officer.value = session.officer;
      const held = session?.roles.join(", ") || words.changes.noRole;
      why.textContent = !open ? said.ended : change.effect === null ? said.notFrozen : may ? "" : words.changes.role("approver", held);
    },
  };
}
