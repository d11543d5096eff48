// What went wrong with something that was asked, in the server's words or in ours.

import { Refusal } from "../../data/api";
import { Trouble } from "../../data/source";
import type { Words } from "../../words";
import { troubleText } from "../banner";

export function wrongOf(words: Words, error: unknown): string {
  if (error instanceof Refusal) return words.operate.refused(String(error.status), error.detail || error.title || words.noValue);
  if (error instanceof Trouble) return troubleText(words, error);
  return words.state.unreadable;
}
