// What the colours mean, with units.

import { BINDINGS, REASONS, type Plan } from "../data/plan";
import { BINDING_COLOURS, REASON_COLOURS, STEPS, VIRIDIS, colourOfStep, css, type Colouring } from "../map/colours";
import type { Words } from "../words";
import { make, swatch } from "./dom";

export function legend(words: Words, colouring: Colouring, pov = "", run?: Plan["run"]): Node[] {
  const list = make("ul");
  const untold = run && !run.whole && (colouring === "down_mbps" || colouring === "binding");
  if (!untold) for (const [colour, text] of entries(words, colouring)) list.append(make("li", {}, swatch(colour), text));
  const hatched = make("span", { class: "swatch hatched", "aria-hidden": "true" });
  list.append(make("li", {}, hatched, pov ? words.pov.others : words.contested));
  const unit = colouring === "reason" || colouring === "binding" ? "" : STEPS[colouring].unit;
  const note = untold ? [make("p", { class: "quiet" }, `${words.panel.capacity}: ${words.panel.notOfSlots}.`)] : [];
  return [make("h2", {}, nameOf(words, colouring, run !== undefined) + (unit && ` (${unit})`)), ...note, list];
}

/** What cells are coloured by. A computed run has rates as a user's test finds them, and not of all in a cell. */
export function nameOf(words: Words, colouring: Colouring, ofRun: boolean): string {
  return ofRun && colouring === "down_mbps" ? words.run.down_mbps : words.colour[colouring];
}

/** Colour and meaning of each entry. */
export function entries(words: Words, colouring: Colouring): [string, string][] {
  if (colouring === "reason") return REASONS.map((reason) => [css(REASON_COLOURS[reason]), words.reasons[reason]]);
  if (colouring === "binding") return BINDINGS.map((binding) => [css(BINDING_COLOURS[binding]), words.bindings[binding]]);
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
