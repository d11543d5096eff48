// What the server tells of a place (GET /v1/places, /v1/places/day), and who asks for it: once a place and slot.

import { Refusal, type Api } from "../../data/api";
import { Trouble } from "../../data/source";

export interface Rule {
  rule: string;
  book: string;
  effect: string;
  authority: string;
  reason: string;
  legal_reference: string;
  change: string | null;
  entry: string | null;
}
export interface Decision {
  decision: "FORBIDDEN" | "SUSPENDED" | "NOT_PERMITTED" | "INDETERMINATE" | "PERMITTED";
  because: Rule[];
  missing: string[];
  valid_until: string | null;
}
export interface OfClass {
  name: string;
  reason: string | null;
  depends: boolean;
  decision: Decision | null;
}
export interface Term {
  name: string;
  about: string;
  ms: number;
}
export interface Hop {
  kind: string;
  start: string;
  end: string;
  length_km: number;
}
export interface HandOver {
  at: string;
  from_satellite: string;
  to_satellite: string;
  why: string;
  rtt_ms_after: number | null;
}
export interface PlaceAnswer {
  slot: string;
  ledger_size: string;
  rule_set: string;
  classes: OfClass[];
  terms: Term[];
  hops: Hop[];
  why_no_terms: string | null;
  hand_overs: HandOver[];
  why_no_hand_overs: string | null;
}
export interface Sample {
  begins_at: string;
  reason: string;
  depends: boolean; // on what is known of each terminal
  satellite: string | null;
  seen: number;
  rtt_ms: number | null;
}
export interface Day {
  samples: Sample[];
}

/** An answer, or what the server said instead; null: it is being asked. */
export interface Asked<T> {
  key: string;
  answer: T | null;
  refused: string | null;
}

export function placePath([lng, lat]: [number, number], more: { [key: string]: string }): string {
  return `?${new URLSearchParams({ lat: String(lat), lon: String(lng), ...more })}`;
}

/**
 * Asks for one thing at a time, once: what comes after something else was asked for is thrown away. Questions are
 * `apartMs` apart at least: of those in between, as when time runs fast, the last one is asked.
 */
export function asker<T>(api: Api, told: (asked: Asked<T>) => void, apartMs = 0): (path: string | null) => void {
  let wanted: string | null = null;
  let asked = -Infinity;
  const ask = (path: string) => {
    if (path !== wanted) return;
    asked = performance.now();
    const tell = (answer: T | null, refused: string | null) => {
      if (path === wanted) told({ key: path, answer, refused });
    };
    api.get<T>(path).then(
      (answer) => tell(answer, null),
      (error: unknown) => tell(null, refusalText(error)),
    );
  };
  return (path) => {
    if (path === wanted) return;
    wanted = path;
    if (path === null) return;
    told({ key: path, answer: null, refused: null });
    const waitMs = asked + apartMs - performance.now();
    if (waitMs > 0) setTimeout(() => ask(path), waitMs);
    else ask(path);
  };
}

export function refusalText(error: unknown): string {
  if (error instanceof Refusal) return error.detail || error.title || String(error.status);
  if (error instanceof Trouble) return error.kind;
  throw error;
}
