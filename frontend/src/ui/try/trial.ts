// What a rule that is tried consists of as somebody works on it, and its boxes.

import type { Session } from "../../data/api";
import { make } from "../dom";
import type { Page } from "../part";
import type { Effect } from "./effect";
import type { EffectMap } from "./maps";
import { nothingSaid, type Filed, type Said } from "./proposal";
import { firstDraft, type Book, type Draft } from "./rule";

/** A book in force, or as it was tried, and the sha256 of the one that is in force; null: none is. */
export interface Held {
  book: Book;
  sha256: string | null;
}

/** An effect, of which book, and the draft as it stood when it was asked for. */
export interface Tried {
  effect: Effect;
  book: Held;
  draft: string;
}

/** From top to bottom. */
export interface Boxes {
  readonly form: HTMLElement;
  readonly wrong: HTMLElement;
  readonly progress: HTMLElement;
  readonly failed: HTMLElement;
  readonly note: HTMLElement;
  readonly map: HTMLElement;
  readonly result: HTMLElement;
  readonly proposal: HTMLElement;
}

export interface Trial {
  readonly page: Page;
  readonly box: Boxes;
  readonly draft: Draft; // what is typed goes into it
  readonly said: Said; // likewise, of the proposal
  /** Has the draft's effect computed, and shows it. */
  compute(): void;
  held: Held[] | null; // null: not read, or read before the rules changed
  session: Session | null;
  tried: Tried | null;
  filed: Filed | null;
  map: EffectMap | null;
  drawing: boolean;
  shown: boolean;
  busy: boolean;
}

export function trialOf(page: Page, compute: (trial: Trial) => Promise<void>): Trial {
  const trial: Trial = {
    page, box: boxes(), draft: firstDraft(), said: nothingSaid(), compute: () => void compute(trial), held: null, session: null, tried: null,
    filed: null, map: null, drawing: false, shown: false, busy: false,
  };
  return trial;
}

function boxes(): Boxes {
  return {
    form: make("div"), wrong: make("div", { id: "try-wrong", role: "alert" }), progress: make("div", { id: "try-progress", role: "status" }),
    failed: make("div", { id: "try-failed", role: "alert" }), note: make("p", { id: "try-another", role: "status" }), map: make("div"),
    result: make("div", { id: "try-result" }), proposal: make("div", { id: "try-proposal" }),
  };
}

export function heldOf({ held }: Trial, name: string): Held | null {
  return held?.find(({ book }) => book.book === name) ?? null;
}
