// Colours of cells: by why they are served or not, or by an amount in steps that are the same for every slot and network.
//
// Reasons, and what binds: from the palette of Okabe and Ito. Amounts: viridis in eight steps. They hold for the common
// kinds of colour vision; map.test.ts holds that they differ in lightness, or as those see them who lack a kind of cone.

import { BINDINGS, REASONS, type Binding, type Plan } from "../data/plan";

export type Rgb = readonly [number, number, number];
export const COLOURINGS = ["reason", "rtt_ms", "down_mbps", "binding", "seen"] as const;
export type Colouring = (typeof COLOURINGS)[number];
export type Amount = Exclude<Colouring, "reason" | "binding">;

export const REASON_COLOURS: { [reason in (typeof REASONS)[number]]: Rgb } = {
  served: [0, 114, 178],
  not_permitted: [213, 94, 0],
  no_satellite: [70, 70, 70],
  no_gateway: [240, 228, 66],
  no_capacity: [204, 121, 167],
};
/** As the maps of a run's report have them; what wants for nothing is a grey that steps back. */
export const BINDING_COLOURS: { [binding in Binding]: Rgb } = {
  demand: [180, 190, 198],
  beam: [230, 159, 0],
  cell: [86, 180, 233],
  satellite: [0, 114, 178],
  feeder: [213, 94, 0],
  isl: [204, 121, 167],
  pop: [0, 158, 115],
  terminal: [240, 228, 66],
  policy: [102, 17, 0],
  no_way: [70, 70, 70],
};
export const VIRIDIS: readonly Rgb[] = [
  [253, 231, 37],
  [159, 218, 58],
  [74, 193, 109],
  [31, 161, 135],
  [39, 127, 142],
  [54, 92, 141],
  [70, 50, 127],
  [68, 1, 84],
];
export const NONE: Rgb = [128, 128, 128];
const [FILLED, EMPTY] = [205, 60]; // alpha: coasts and borders lie above
const FAINT = 20; // a cell without a constraint told must not look as one that wants for nothing

/** Where each step but the first begins; light is what most want: a short time, a high rate, many satellites. */
export const STEPS: { [amount in Amount]: { unit: string; from: readonly number[]; highIsLight: boolean } } = {
  rtt_ms: { unit: "ms", from: [25, 30, 40, 50, 75, 100, 150], highIsLight: false },
  down_mbps: { unit: "Mbit/s", from: [1, 3, 10, 30, 100, 300, 1000], highIsLight: true },
  seen: { unit: "", from: [1, 2, 4, 8, 12, 16, 24], highIsLight: true },
};

/** What cells can be coloured by: by what binds them where that is computed, by a run's rates likewise; or as was asked for. */
export function offered(plan: Plan | null, chosen: Colouring): Colouring[] {
  const unbound = (plan?.binding ?? null) === null;
  const left = new Set<Colouring>(unbound ? ["binding", ...(plan?.run ? (["down_mbps"] as const) : [])] : []);
  return COLOURINGS.filter((one) => one === chosen || !left.has(one));
}

export function stepOf(amount: Amount, value: number): number {
  const { from } = STEPS[amount];
  let step = 0;
  while (step < from.length && value >= from[step]!) step++;
  return step;
}

export function colourOfStep(amount: Amount, step: number): Rgb {
  return VIRIDIS[STEPS[amount].highIsLight ? VIRIDIS.length - 1 - step : step]!;
}

/** Red, green, blue and alpha of every cell. `of`: the class whose reasons are asked for. */
export function coloursOf(plan: Plan, colouring: Colouring, of: number): Uint8Array {
  const cells = plan.satellite.length;
  const out = new Uint8Array(4 * cells);
  const classes = plan.classes.length;
  for (let cell = 0; cell < cells; cell++) {
    let colour: Rgb = NONE;
    let alpha = FILLED;
    if (colouring === "reason") {
      colour = REASON_COLOURS[REASONS[plan.reason[cell * classes + of]!] ?? "no_satellite"];
    } else if (colouring === "binding") {
      const binding = BINDINGS[plan.binding?.[cell] ?? BINDINGS.length];
      if (binding) colour = BINDING_COLOURS[binding];
      else alpha = FAINT;
    } else {
      const value = plan[colouring][cell]!;
      if (Number.isNaN(value)) alpha = EMPTY;
      else colour = colourOfStep(colouring, stepOf(colouring, value));
    }
    out.set([colour[0], colour[1], colour[2], alpha], 4 * cell);
  }
  return out;
}

export function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}
