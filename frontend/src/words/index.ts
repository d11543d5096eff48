import en, { type Words } from "./en";
import fr from "./fr";

export type { Words };
export const LANGUAGES = { en, fr } as const;
export type Language = keyof typeof LANGUAGES;

/** The first of somebody's languages that we speak; else English. */
export function languageOf(wanted: readonly string[]): Language {
  const short = wanted.map((one) => one.slice(0, 2).toLowerCase());
  return short.find((one): one is Language => one in LANGUAGES) ?? "en";
}
