// When each slot's plan was stored and applied, against its begin: a drawing beside the same numbers in a table.

import type { Beat } from "./health";

const [WIDTH, HEIGHT, EDGE] = [600, 150, 34];
const NS = "http://www.w3.org/2000/svg";

export interface Scale {
  from_s: number;
  to_s: number;
}

/** From where to where the axis runs: all of it in sight, and nought. */
export function scaleOf(beats: readonly Beat[]): Scale {
  const all = beats.flatMap(({ stored_s, applied_s }) => [stored_s, applied_s]).filter((one) => one !== null);
  return { from_s: Math.floor(Math.min(-1, ...all)), to_s: Math.ceil(Math.max(1, ...all)) };
}

/** Where on the drawing; the time after a begin runs upwards. */
export function heightOf(at_s: number, { from_s, to_s }: Scale): number {
  return HEIGHT - 10 - ((at_s - from_s) / (to_s - from_s)) * (HEIGHT - 20);
}

export function chart(beats: readonly Beat[], name: string, seconds: (s: string) => string): SVGSVGElement {
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": name, class: "beats" });
  const scale = scaleOf(beats);
  for (const at of new Set([scale.from_s, 0, scale.to_s])) {
    const y = heightOf(at, scale);
    svg.append(shape("line", { x1: EDGE, x2: WIDTH, y1: y, y2: y, class: at === 0 ? "begin" : "edge" }));
    const text = shape("text", { x: EDGE - 4, y: y + 4, "text-anchor": "end" });
    text.textContent = seconds(String(at));
    svg.append(text);
  }
  const step = (WIDTH - EDGE) / Math.max(1, beats.length);
  beats.forEach((one, n) => svg.append(...marks(one, EDGE + (n + 0.5) * step, Math.min(4, 0.35 * step), scale)));
  return svg;
}

/** Stored: a ring; applied: a dot, a square where it is a lesser plan; none: a cross. No mark by its colour alone. */
function marks(one: Beat, x: number, r: number, scale: Scale): SVGElement[] {
  if (one.kind === "none") {
    const y = heightOf(0, scale);
    return [shape("path", { d: `M${x - r} ${y - r}L${x + r} ${y + r}M${x - r} ${y + r}L${x + r} ${y - r}`, class: "none" })];
  }
  const found: SVGElement[] = [];
  if (one.stored_s !== null) found.push(shape("circle", { cx: x, cy: heightOf(one.stored_s, scale), r: 0.8 * r, class: "stored" }));
  if (one.applied_s === null) return found;
  const y = heightOf(one.applied_s, scale);
  if (one.kind === "degraded") found.push(shape("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, class: "degraded" }));
  else found.push(shape("circle", { cx: x, cy: y, r, class: "applied" }));
  return found;
}

function shape<K extends keyof SVGElementTagNameMap>(tag: K, attributes: { [name: string]: string | number }): SVGElementTagNameMap[K] {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}
