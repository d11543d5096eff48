// What the colours mean, with units.

import { REASONS } from "../data/plan";
import { REASON_COLOURS, STEPS, VIRIDIS, colourOfStep, css, type Colouring } from "../map/colours";
import type { Words } from "../words";
import { make, swatch } from "./dom";

export function legend(words: Words, colouring: Colouring, pov = ""): Node[] {
  const list = make("ul");
  for (const [colour, text] of entries(words, colouring)) list.append(make("li", {}, swatch(colour), text));
  const hatched = make("span", { class: "swatch hatched", "aria-hidden": "true" });
  list.append(make("li", {}, hatched, pov ? words.pov.others : words.contested));
  const unit = colouring === "reason" ? "" : STEPS[colouring].unit;
  return [make("h2", {}, words.colour[colouring] + (unit && ` (${unit})`)), list];
}

/** Colour and meaning of each entry. */
export function entries(words: Words, colouring: Colouring): [string, string][] {
  if (colouring === "reason") return REASONS.map((reason) => [css(REASON_COLOURS[reason]), words.reasons[reason]]);
  const { from } = STEPS[colouring];
  return VIRIDIS.map((_, step) => {
    const [low, high] = [from[step - 1], from[step]];
    const text = colouring === "seen" ? counted(words, low, high) : measured(words, low, high);
    return [css(colourOfStep(colouring, step)), text];
  });
}

function measured(words: Words, low: number | undefined, high: number | undefined): string {
  if (low === undefined) return words.below(String(high));
  return high === undefined ? words.andMore(String(low)) : `${low} – ${high}`;
}

/** Whole numbers: a step ends one before the next begins. */
function counted(words: Words, low: number | undefined, high: number | undefined): string {
  if (high === undefined) return words.andMore(String(low));
  return (low ?? 0) === high - 1 ? String(high - 1) : `${low ?? 0} – ${high - 1}`;
}
