// Instants as people read them, in UTC.

import { slotAt, type Scene } from "../../data/scene";

/** 2026-11-22 10:52:11 */
export function instant(at: number | string | null): string {
  const ms = typeof at === "string" ? Date.parse(at) : at;
  return ms === null || Number.isNaN(ms) ? "" : new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

/** 10:52:11 */
export function clock(at: number | string | null): string {
  return instant(at).slice(11);
}

/** When a slot begins. */
export function beginOf(scene: Pick<Scene, "slot_ms" | "slot_phase_ms">, slot: number): number {
  return slot * scene.slot_ms + scene.slot_phase_ms;
}

/** The slot that runs. */
export function slotNow(scene: Scene): number {
  return slotAt(scene, Date.now());
}
