// Evidence of misuse as one reads it: what counted, what it was made of, and where.

import type { Words } from "../../words";
import { plain } from "./facts";

export interface Piece {
  id: string;
  at: string | null;
  terminal: string;
  kind: string;
  score: number; // 1: what holds a renewal
  holds_renewal: boolean;
  state: "open" | "upheld" | "dismissed";
  reviewer: string | null;
  reviewed_at: string | null;
  finding: string | null;
}
export interface Whole extends Piece {
  rule: string;
  inputs: { [name: string]: unknown };
  not_held_because?: string | null;
}
export interface Where {
  lng: number;
  lat: number;
  radius_m: number; // within which it is, as it was said
  cell: string; // of the beam that served it; empty: not known
}

/** Where it was; null: the evidence names no place. */
export function whereOf(inputs: Whole["inputs"]): Where | null {
  const { lat_deg: lat, lon_deg: lng, uncertainty_m: radius, cell } = inputs;
  if (typeof lat !== "number" || typeof lng !== "number" || Math.abs(lat) > 90) return null;
  return { lng, lat, radius_m: typeof radius === "number" ? Math.max(0, radius) : 0, cell: typeof cell === "string" ? cell : "" };
}

/** A score in words: how far it is on the way to a hold. */
export function scoreText(words: Words, { score, holds_renewal }: Piece): string {
  const said = words.operate;
  return `${said.score(String(Math.round(100 * score)))} ${holds_renewal ? said.holding : said.notHolding}`;
}

/** What it was made of, name by name, with the names as the detector has them. */
export function factsOf(inputs: Whole["inputs"]): [string, string][] {
  return Object.entries(inputs).map(([name, value]) => [name.replaceAll("_", " "), typeof value === "number" ? rounded(value) : plain(value)]);
}

function rounded(value: number): string {
  return String(Math.round(value * 1e6) / 1e6);
}
