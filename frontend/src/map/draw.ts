// An outline that somebody draws or types: from vertices to a ring that the rules' reader takes as it is meant.
//
// Between two vertices an edge takes the shorter way around the Earth. Longitudes run on beyond ±180° where it crosses
// the antimeridian; an outline around a pole is closed along that pole. What is no simple outline is named here, before
// anything is sent.

export type Vertex = readonly [number, number]; // longitude, latitude
export type Fault = "few" | "many" | "half" | "pole" | "crosses" | "wide";
export interface Outline {
  ring: Vertex[]; // closed; empty where there is a fault
  fault: Fault | null;
  overPole: boolean;
}

export const MOST_VERTICES = 500;
const POLE_STEP_DEG = 90; // no step along a pole may be taken for one over the antimeridian
const WIDEST_DEG = 360; // beyond it no longitude is read
const DECIMALS = 1e6; // a tenth of a metre

/** Lines of "latitude, longitude". `wrong`: the numbers of lines that are none, from 1. */
export function readVertices(text: string): { vertices: Vertex[]; wrong: number[] } {
  const [vertices, wrong]: [Vertex[], number[]] = [[], []];
  text.split("\n").forEach((line, row) => {
    if (line.trim() === "") return;
    const parts = line.trim().split(/\s*[,;]\s*|\s+/).map((one) => (one === "" ? NaN : Number(one)));
    const [lat, lng] = parts as [number, number];
    if (parts.length === 2 && Math.abs(lat) <= 90 && Math.abs(lng) <= 360) vertices.push([lng, lat]);
    else wrong.push(row + 1);
  });
  return { vertices, wrong };
}

export function vertexLine([lng, lat]: Vertex): string {
  return `${lat.toFixed(4)}, ${lng.toFixed(4)}`;
}

/** The same text without its last vertex. */
export function withoutLast(text: string): string {
  const lines = text.trimEnd().split("\n");
  return lines.slice(0, -1).map((line) => `${line}\n`).join("");
}

export function withVertex(text: string, vertex: Vertex): string {
  const before = text.trimEnd();
  return `${before}${before ? "\n" : ""}${vertexLine(vertex)}\n`;
}

export function outlineOf(drawn: readonly Vertex[]): Outline {
  const none = (fault: Fault): Outline => ({ ring: [], fault, overPole: false });
  if (drawn.length > MOST_VERTICES) return none("many");
  const vertices = drawn.filter((one, n) => n === 0 || !alike(one, drawn[n - 1]!));
  if (vertices.length > 1 && alike(vertices[0]!, vertices.at(-1)!)) vertices.pop();
  if (vertices.length < 3) return none("few");
  const closed = unrolled([...vertices, vertices[0]!]);
  if (closed === null) return none("half");
  const [first, last] = [closed[0]!, closed.at(-1)!];
  const turns = Math.round((last[0] - first[0]) / 360);
  let ring = closed.map(rounded);
  if (turns !== 0) {
    const north = vertices.every(([, lat]) => lat > 0);
    if (Math.abs(turns) > 1 || !(north || vertices.every(([, lat]) => lat < 0))) return none("pole");
    ring = alongPole(ring, north ? 90 : -90);
  }
  if (crosses(ring) || areaOf(ring) === 0) return none("crosses");
  const moved = within(ring);
  return moved ? { ring: moved, fault: null, overPole: turns !== 0 } : none("wide");
}

/** Longitudes that take the shorter way each; null where both ways are as long. */
export function unrolled(vertices: readonly Vertex[]): Vertex[] | null {
  const found: Vertex[] = [vertices[0]!];
  for (const [lng, lat] of vertices.slice(1)) {
    const before = found.at(-1)![0];
    const step = ((((lng - before + 180) % 360) + 360) % 360) - 180;
    if (Math.abs(step) === 180) return null;
    found.push([before + step, lat]);
  }
  return found;
}

/** Points so near each other along a ring that it is drawn on a globe as it is meant: straight in degrees. */
export function dense(ring: readonly Vertex[], stepDeg = 2): [number, number][] {
  const found: [number, number][] = [];
  ring.forEach(([lng, lat], n) => {
    const [toLng, toLat] = ring[n + 1] ?? [lng, lat];
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(toLng - lng), Math.abs(toLat - lat)) / stepDeg));
    for (let step = 0; step < (n + 1 < ring.length ? steps : 1); step++) {
      found.push([lng + ((toLng - lng) * step) / steps, lat + ((toLat - lat) * step) / steps]);
    }
  });
  return found;
}

function alongPole(ring: Vertex[], pole: number): Vertex[] {
  const [first, last] = [ring[0]!, ring.at(-1)!];
  const steps = Math.round(Math.abs(last[0] - first[0]) / POLE_STEP_DEG);
  const back = Array.from({ length: steps + 1 }, (_, n): Vertex => rounded([last[0] + ((first[0] - last[0]) * n) / steps, pole]));
  return [...ring, ...back, first];
}

/** The ring moved by whole turns until all of it can be read; undefined where it is too wide. */
function within(ring: Vertex[]): Vertex[] | undefined {
  return [0, -360, 360]
    .map((turn) => ring.map(([lng, lat]): Vertex => [lng + turn, lat]))
    .find((moved) => moved.every(([lng]) => Math.abs(lng) <= WIDEST_DEG));
}

function crosses(ring: Vertex[]): boolean {
  const edges = ring.length - 1;
  for (let a = 0; a < edges; a++) {
    for (let b = a + 1; b < edges; b++) {
      const next = b === a + 1 || (a === 0 && b === edges - 1);
      if (next ? foldedBack(ring, a, b, edges) : meet(ring[a]!, ring[a + 1]!, ring[b]!, ring[b + 1]!)) return true;
    }
  }
  return false;
}

/** Whether the edge after a vertex runs back over the one before it. */
function foldedBack(ring: Vertex[], a: number, b: number, edges: number): boolean {
  const [before, after] = b === a + 1 ? [a, b] : [edges - 1, 0];
  const [from, at, to] = [ring[before]!, ring[after]!, ring[after + 1]!];
  const back = (from[0] - at[0]) * (to[0] - at[0]) + (from[1] - at[1]) * (to[1] - at[1]) > 0;
  return back && turn(from, at, to) === 0;
}

function meet(a: Vertex, b: Vertex, c: Vertex, d: Vertex): boolean {
  const [c1, d1, a1, b1] = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
  if (c1 * d1 < 0 && a1 * b1 < 0) return true;
  return (c1 === 0 && between(a, b, c)) || (d1 === 0 && between(a, b, d)) || (a1 === 0 && between(c, d, a)) || (b1 === 0 && between(c, d, b));
}

function turn(a: Vertex, b: Vertex, c: Vertex): number {
  return Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
}

function between(a: Vertex, b: Vertex, c: Vertex): boolean {
  return Math.min(a[0], b[0]) <= c[0] && c[0] <= Math.max(a[0], b[0]) && Math.min(a[1], b[1]) <= c[1] && c[1] <= Math.max(a[1], b[1]);
}

function areaOf(ring: Vertex[]): number {
  return ring.slice(1).reduce((sum, [x, y], n) => sum + ring[n]![0] * y - x * ring[n]![1], 0);
}

function alike(a: Vertex, b: Vertex): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

function rounded([lng, lat]: Vertex): Vertex {
  return [Math.round(lng * DECIMALS) / DECIMALS, Math.round(lat * DECIMALS) / DECIMALS];
}
