// Letting an approved change take effect: a job of the server, followed to its end.

import type { Api } from "../../data/api";
import { make } from "../dom";
import type { Page } from "../part";
import { save, section, whyOf } from "./ask";
import { pathOf } from "./model";
import type { Form } from "./sign";

interface Done {
  entry: number;
  warnings: string[];
  proofs: { [name: string]: string };
}

export function actForm(page: Page, api: Api, id: string, acted: () => void): Form {
  const words = page.words();
  const said = words.changes.act;
  let running = false;
  let allowed = false;
  const why = make("p", { class: "quiet", id: "act-why" });
  const told = make("div", { role: "status", id: "act-told" });
  const bar = make("progress", { hidden: true, "aria-label": said.name });
  const button = make("button", { type: "button", id: "activate", "aria-describedby": "act-why", click: () => void activate() }, said.button);

  async function activate(): Promise<void> {
    [running, button.disabled, bar.hidden] = [true, true, false];
    told.replaceChildren(said.begun);
    try {
      const done = await api.finished<Done>(pathOf(id, "/activate"), null, ({ progress }) => {
        if (progress.of > 0) [bar.max, bar.value] = [progress.of, progress.done];
        if (progress.step && told.textContent !== progress.step) told.replaceChildren(progress.step);
      });
      const proofs = Object.entries(done.proofs).map(([name, text]) => make("button", { type: "button", click: () => save(name, text) }, `${said.proof}: ${name}`));
      told.replaceChildren(make("p", {}, said.done(String(done.entry))), ...done.warnings.map((one) => make("p", { class: "warned" }, one)), ...proofs);
      acted();
    } catch (error) {
      told.replaceChildren(whyOf(words, error));
    }
    [running, bar.hidden, button.disabled] = [false, true, !allowed];
  }

  return {
    node: section("act", said.name, make("p", {}, said.intro), button, why, bar, told),
    stands(change, session) {
      const may = session?.roles.includes("requester") ?? false;
      const held = session?.roles.join(", ") || words.changes.noRole;
      allowed = change.status === "ready" && may;
      button.disabled = running || !allowed;
      why.textContent = change.status !== "ready" ? change.why || words.changes.states[change.status] : may ? "" : words.changes.role("requester", held);
    },
  };
}
