// Long work of a trial: one at a time, its progress told, and what kept it from being done.

import { Refusal, type Job } from "../../data/api";
import { Trouble } from "../../data/source";
import { tokenForm } from "../banner";
import { make } from "../dom";
import type { Trial } from "./trial";

/** What is done, by whom it may be, and how it is begun again by somebody else. */
export interface Work {
  what: "computing" | "sending";
  roles: string[];
  again(): void;
  /** `tell`: the job's state, each time it is looked at. */
  doing(tell: (job: Job) => void): Promise<void>;
}

export async function work(trial: Trial, { what, roles, again, doing }: Work): Promise<void> {
  if (trial.busy) return;
  const { failed, progress } = trial.box;
  trial.busy = true;
  failed.replaceChildren();
  tell(trial, what);
  try {
    await doing((job) => tell(trial, what, job));
  } catch (error) {
    tellFailed(trial, error, roles, again);
  } finally {
    trial.busy = false;
    progress.replaceChildren();
  }
}

function tell({ page, box }: Trial, what: Work["what"], job?: Job): void {
  const words = page.words().trying;
  const text = words[what];
  const { step, done, of } = job?.progress ?? { step: "", done: 0, of: 0 };
  const bar = make("progress", { "aria-label": text, max: String(of || 1), ...(of > 0 ? { value: String(done) } : {}) });
  const now = job?.state === "waiting" ? words.waiting : `${text}${step ? `: ${step}` : ""}`;
  box.progress.replaceChildren(make("p", {}, now), bar);
}

/** What went wrong, beside what was asked; somebody whom the server does not know shows another token. */
export function tellFailed(trial: Trial, error: unknown, roles: string[], again: () => void): void {
  if (!(error instanceof Refusal || error instanceof Trouble)) throw error;
  const { page, box: { failed } } = trial;
  const words = page.words().trying;
  const use = (token: string) => {
    page.useToken(token);
    trial.held = null; // roles may be others
    failed.replaceChildren();
    again();
  };
  const needs = error.status === 403 ? ` ${words.needs(roles.join(", "))}` : "";
  if (error.status === 401) failed.replaceChildren(make("p", {}, words.expired), tokenForm(page.words(), use));
  else if (error instanceof Trouble) failed.replaceChildren(make("p", {}, words.unreachable));
  else failed.replaceChildren(make("p", {}, `${words.failed} ${error.title ? `${error.title}: ` : ""}${error.detail}${needs}`));
  failed.scrollIntoView({ block: "nearest" });
}
