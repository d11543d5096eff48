// A place asked about, beside the map.

import type { Page, Part } from "../part";
import { placePanel, rowAt } from "./panel";

export function placePart(page: Page): Part {
  let box: HTMLElement | null = null;
  const tell = () => {
    const [words, { place, language }] = [page.words(), page.state()];
    const row = place ? rowAt(page.rowOf, page.scene.resolution, place) : undefined;
    const close = () => page.set({ place: null });
    box?.replaceChildren(...placePanel(words, language, page.scene, page.followed().plan, row, place, page.ofClass(), close));
  };
  return {
    show(given) {
      box = given;
      tell();
    },
    hide: () => (box = null),
    turned: tell,
    planned: tell,
  };
}
