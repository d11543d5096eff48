// What somebody looks for, found in what the scene holds: places, territories, satellites, gateways, PoPs.

import type { Scene } from "../../data/scene";
import { namePlace } from "../../map/edges";

export const KINDS = ["place", "territory", "gateway", "pop", "satellite", "terminal"] as const;
export type Kind = (typeof KINDS)[number];

/** `at`: longitude and latitude, null where it moves or is not known. */
export interface Thing {
  kind: Kind;
  id: string;
  name: string;
  at: [number, number] | null;
}
export interface Entry extends Thing {
  words: string[]; // folded: what it is found by
}

export const MOST_FOUND = 12;

/** Without accents, case and runs of blanks. */
export function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ").trim();
}

export function entriesOf(scene: Scene): Entry[] {
  const entry = (kind: Kind, id: string, name: string, at: Thing["at"], more: string[] = []): Entry => ({
    kind, id, name, at, words: [name, id, ...more].map(folded),
  });
  const stations = (kind: "gateway" | "pop", of: Scene["gateways"]) =>
    of.map(({ name, lat_deg, lon_deg }) => entry(kind, name, name, [lon_deg, lat_deg]));
  return [
    ...scene.borders.features.map(({ properties: { id, name, also_called }, geometry }) =>
      entry("territory", id, name, namePlace(geometry), also_called)),
    ...stations("gateway", scene.gateways),
    ...stations("pop", scene.pops),
    ...scene.satellites.name.map((name) => entry("satellite", name, name, null)),
  ];
}

/** "52.2, 21", "52.2 21", "52.2N 21W": latitude first. */
export function coordinatesOf(text: string): [number, number] | null {
  const found = /^\s*([+-]?\d{1,3}(?:\.\d+)?)\s*°?\s*([NS])?\s*[,;\s]\s*([+-]?\d{1,3}(?:\.\d+)?)\s*°?\s*([EW])?\s*$/i.exec(text);
  if (!found) return null;
  const lat = Number(found[1]) * (found[2]?.toUpperCase() === "S" ? -1 : 1);
  const lng = Number(found[3]) * (found[4]?.toUpperCase() === "W" ? -1 : 1);
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? [lng, lat] : null;
}

/** The best first: the same, then what begins so, then what has a word that does, then what holds it. */
export function find(entries: readonly Entry[], text: string, terminals: boolean): Thing[] {
  const at = coordinatesOf(text);
  const found: Thing[] = at ? [{ kind: "place", id: "", name: `${at[1]}, ${at[0]}`, at }] : [];
  const asked = folded(text);
  if (asked === "") return found;
  const ranked: [number, number, Entry][] = [];
  entries.forEach((entry, n) => {
    const rank = Math.min(...entry.words.map((word) => rankOf(word, asked)));
    if (rank < Infinity) ranked.push([rank, n, entry]);
  });
  ranked.sort(([a, m], [b, n]) => a - b || m - n);
  found.push(...ranked.map(([, , { kind, id, name, at }]) => ({ kind, id, name, at })));
  const most = found.slice(0, terminals && !at ? MOST_FOUND - 1 : MOST_FOUND);
  if (terminals && !at) most.push({ kind: "terminal", id: text.trim(), name: text.trim(), at: null });
  return most;
}

function rankOf(word: string, asked: string): number {
  if (word === asked) return 0;
  const at = word.indexOf(asked);
  if (at < 0) return Infinity;
  if (at === 0) return 1;
  return /[\s\-–(/.]/.test(word[at - 1]!) ? 2 : 3;
}

/** What `state.item` says is looked at; null where it says nothing of it. */
export function itemOf(item: string): { kind: Kind; id: string } | null {
  const [kind, ...id] = item.split(":");
  return KINDS.includes(kind as Kind) && id.join(":") !== "" ? { kind: kind as Kind, id: id.join(":") } : null;
}
