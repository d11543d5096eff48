// The form of a trial and the outline on the map, as the draft has them.

import { outlineLayers } from "../../map/drawn";
import { outlineOf, readVertices, withVertex } from "../../map/draw";
import { ruleForm } from "./form";
import type { Trial } from "./trial";

const LINE = { light: [140, 0, 90], dark: [255, 170, 220] } as const; // on every colour of cells

/** The form anew. What has the focus in it keeps it. */
export function fillForm(trial: Trial): void {
  const { page, box, draft, held, drawing, compute } = trial;
  const focused = document.activeElement?.id;
  const changed = (whole: boolean) => {
    if (whole) fillForm(trial);
    outline(trial);
    tellStale(trial);
  };
  const books = (held ?? []).map(({ book }) => book);
  const drawn = (on: boolean) => draw(trial, on);
  box.form.replaceChildren(ruleForm({ words: page.words(), scene: page.scene, draft, books, drawing, changed, draw: drawn, compute }));
  if (focused) document.getElementById(focused)?.focus();
}

/** Whether clicks on the map are the outline's next vertices. */
export function draw(trial: Trial, on: boolean): void {
  const { page: { view }, draft } = trial;
  trial.drawing = on;
  view.take(on ? (place) => {
    draft.outline = withVertex(draft.outline, place);
    fillForm(trial);
    outline(trial);
    tellStale(trial);
  } : null);
  view.map.getCanvas().style.cursor = on ? "crosshair" : "";
  fillForm(trial);
}

/** The outline on the map, as it is typed; none where the rule has another area. */
export function outline(trial: Trial): void {
  const { page: { view }, draft } = trial;
  if (draft.where !== "drawn" && trial.drawing) return draw(trial, false);
  if (draft.where !== "drawn") return view.over("drawn", null);
  const { vertices } = readVertices(draft.outline);
  const { ring } = outlineOf(vertices);
  const colour = LINE[document.documentElement.dataset.shade === "dark" ? "dark" : "light"];
  const line = ring.length > 0 ? ring : vertices;
  view.over("drawn", vertices.length > 0 ? (globe) => outlineLayers(vertices, line, colour, globe) : null);
}

/** That the effect which is shown is not the draft's any more. */
export function tellStale({ page, box, tried, draft }: Trial): void {
  box.note.textContent = tried && tried.draft !== JSON.stringify(draft) ? page.words().trying.another : "";
}
