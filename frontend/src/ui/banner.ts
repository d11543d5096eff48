// How fresh the data are, and what is wrong, in words.

import type { Followed } from "../data/follow";
import type { Trouble } from "../data/source";
import type { Words } from "../words";
import { make } from "./dom";

const STALE_SLOTS = 2;

/** The badge's word and the banner's sentences (none: nothing is wrong). */
export function statusOf(words: Words, followed: Followed, offline: boolean, nowMs: number): { badge: string; wrong: string[] } {
  if (offline) return { badge: words.state.offline, wrong: followed.trouble ? [troubleText(words, followed.trouble)] : [] };
  const wrong: string[] = [];
  const { newest, trouble } = followed;
  if (trouble) wrong.push(troubleText(words, trouble));
  if (newest) {
    const lateMs = nowMs - newest.begins_ms - newest.slot_ms;
    if (lateMs > STALE_SLOTS * newest.slot_ms) wrong.push(words.state.stale(age(words, lateMs)));
  }
  if (followed.plan?.degraded) wrong.push(`${words.state.degraded} ${followed.plan.degraded}`);
  return { badge: followed.live ? words.state.live : words.state.connecting, wrong };
}

export function troubleText(words: Words, trouble: Trouble): string {
  return trouble.kind === "server" ? words.state.server(trouble.status) : words.state[trouble.kind];
}

function age(words: Words, ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? words.seconds(seconds) : words.minutes(Math.round(seconds / 60));
}

/** Where somebody who was refused shows a token. */
export function tokenForm(words: Words, use: (token: string) => void): HTMLElement {
  const input = make("input", { id: "token", type: "password", autocomplete: "off", required: true });
  const send = (event: Event) => {
    event.preventDefault();
    use(input.value.trim());
  };
  const label = make("label", { for: "token" }, words.state.token);
  return make("form", { class: "token", submit: send }, label, input, make("button", { type: "submit" }, words.state.useToken));
}
