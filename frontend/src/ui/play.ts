// Time as it passes on the page: ten times a second at a satellite's own speed, oftener where it is played faster.

import { nameOfPlan } from "./frame";
import { shownMs, wordsOf, type Shell } from "./shell";

const SLOW_FRAME_MS = 100; // at a satellite's own speed: 760 m, less than a pixel
const FAST_FRAME_MS = 33;
const STILL_FRAME_MS = 5000; // for who asks for less motion, until they play faster themselves

/** How far playing has come: what was drawn when. All by the clock of frames. */
export interface Drawn {
  readonly atMs: number;
  readonly skyMs: number; // satellites and links were
}

export interface Playing {
  readonly playing: boolean;
  readonly speed: number;
  readonly still: boolean; // less motion is asked for
}

/** Whether it is time for a frame, and whether satellites move in it. */
export function due(drawn: Drawn, { playing, speed, still }: Playing, at: number): { frame: boolean; sky: boolean } {
  const fast = playing && speed > 1;
  const frame = at - drawn.atMs >= (fast ? FAST_FRAME_MS : SLOW_FRAME_MS);
  return { frame, sky: frame && playing && (fast || !still || at - drawn.skyMs >= STILL_FRAME_MS) };
}

/** The instant to look at next. A run begins again where it ends. */
export function playedOn(atMs: number, passedMs: number, speed: number, span: readonly [number, number] | undefined): number {
  const next = atMs + passedMs * speed;
  return span && next >= span[1] ? span[0] : next;
}

/** Lets time pass. `look` and `sky` are told which instant is looked at: the plan's, and that of satellites and links. */
export function play(shell: Shell, look: (atMs: number) => void, sky: (atMs: number) => void): void {
  const { current, source } = shell;
  const motion = matchMedia("(prefers-reduced-motion: reduce)");
  let drawn: Drawn = { atMs: -Infinity, skyMs: -Infinity };
  let ticked = performance.now();
  const tick = (at: number): void => {
    const { playing, speed } = current;
    const now = due(drawn, { playing, speed, still: motion.matches }, at);
    if (now.frame) {
      if (playing && current.state.at_ms !== null) {
        const next = playedOn(current.state.at_ms, at - ticked, speed, source.span_ms);
        current.state = { ...current.state, at_ms: next };
        look(next);
      }
      ticked = at;
      drawn = { atMs: at, skyMs: now.sky ? at : drawn.skyMs };
      if (now.sky) sky(shownMs(shell));
      const { plan } = current.followed;
      current.line?.show(shownMs(shell), playing, plan ? nameOfPlan(wordsOf(current), plan) : "");
    }
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}
