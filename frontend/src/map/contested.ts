// Contested areas as somebody chooses to see them. By default no side is taken: they are hatched, with all their names.

import type { Scene, Territory } from "../data/scene";

/** "": neutral; "administered": who is there; else the id of a territory whose claims are drawn. */
export type PointOfView = string;
export const NEUTRAL = "";
export const ADMINISTERED = "administered";

/** Whose an area is drawn as; null: nobody's, hatched. Of an area that several administer nothing is said. */
export function holderOf({ contested, administered_by = [], claimed_by = [] }: Territory, pov: PointOfView): string | null {
  if (!contested || pov === NEUTRAL) return null;
  if (pov === ADMINISTERED) return administered_by.length === 1 ? administered_by[0]! : null;
  return administered_by.includes(pov) || claimed_by.includes(pov) ? pov : null;
}

/** Who administers or claims anything, by name: their points of view can be chosen. */
export function sidesOf(borders: Scene["borders"]): { id: string; name: string }[] {
  const ids = new Set(borders.features.flatMap(({ properties }) => [...(properties.administered_by ?? []), ...(properties.claimed_by ?? [])]));
  return [...ids].map((id) => ({ id, name: nameOf(borders, id) })).sort((a, b) => a.name.localeCompare(b.name));
}

export function nameOf(borders: Scene["borders"], id: string): string {
  return borders.features.find(({ properties }) => properties.id === id)?.properties.name ?? id;
}
