// A table of any length: a grid whose rows are in the document only while they are in sight.

import { make } from "../dom";
import { ROW_PX, rowAfter, scrolledTo, shownRows } from "./window";

export interface Column {
  name: string;
  title: string;
}
export interface Grid {
  node: HTMLElement;
  /** Rows are others, or as many of others. */
  show(count: number, sortedBy: string, down: boolean): void;
  /** The same rows say something else. */
  again(): void;
  /** Makes a row the one that keys start from, and has it in sight. */
  go(row: number): void;
  focus(): void;
}

export function gridOf(
  label: string,
  columns: readonly Column[],
  cellsOf: (row: number) => (Node | string)[],
  isOpen: (row: number) => boolean,
  open: (row: number) => void,
  sort: (column: string) => void,
): Grid {
  const [heads, body] = [columns.map(({ name, title }) => headOf(name, title, sort)), make("div", { role: "rowgroup", class: "rows" })];
  const head = make("div", { role: "rowgroup", class: "head" }, make("div", { role: "row", "aria-rowindex": "1" }, ...heads));
  const node = make("div", { role: "grid", class: "grid", tabindex: "0", "aria-label": label, "aria-colcount": String(columns.length) }, head, body);
  const drawn = new Map<number, HTMLElement>();
  let [count, active] = [0, 0];

  const heightPx = () => Math.max(ROW_PX, node.clientHeight - head.offsetHeight);
  const rowOf = (row: number): HTMLElement => {
    const cells = cellsOf(row).map((one) => make("div", { role: "gridcell" }, one));
    const made = make("div", { role: "row", id: `row-${row}`, "aria-rowindex": String(row + 2), click: () => go(row, true) }, ...cells);
    made.style.top = `${row * ROW_PX}px`;
    return made;
  };
  const draw = () => {
    const [from, to] = shownRows(node.scrollTop, heightPx(), count);
    for (const [row, one] of drawn) {
      if (row >= from && row < to) continue;
      one.remove();
      drawn.delete(row);
    }
    for (let row = from; row < to; row++) {
      if (drawn.has(row)) continue;
      const made = rowOf(row);
      drawn.set(row, made);
      body.append(made);
    }
    for (const [row, one] of drawn) {
      one.classList.toggle("active", row === active);
      one.setAttribute("aria-selected", String(isOpen(row)));
    }
    if (drawn.has(active)) node.setAttribute("aria-activedescendant", `row-${active}`);
    else node.removeAttribute("aria-activedescendant"); // it is out of sight, and comes back with the next key
  };
  const again = () => {
    drawn.clear();
    body.replaceChildren();
    draw();
  };
  const go = (row: number, opened: boolean) => {
    active = row;
    node.scrollTop = scrolledTo(row, node.scrollTop, heightPx());
    if (opened) open(row);
    draw();
  };
  node.addEventListener("scroll", draw, { passive: true });
  node.addEventListener("keydown", (event) => {
    if (event.target !== node) return; // a button of the head
    const to = rowAfter(event.key, active, count, heightPx());
    if (to === null && event.key !== "Enter") return;
    event.preventDefault();
    if (to !== null) go(to, false);
    else if (count > 0) go(active, true);
  });
  new ResizeObserver(draw).observe(node);
  return {
    node,
    show(rows, by, down) {
      count = rows;
      active = Math.min(active, Math.max(0, rows - 1));
      body.hidden = rows === 0;
      body.style.height = `${rows * ROW_PX}px`;
      node.setAttribute("aria-rowcount", String(rows + 1));
      heads.forEach((one, n) => one.setAttribute("aria-sort", columns[n]!.name !== by ? "none" : down ? "descending" : "ascending"));
      again();
    },
    again,
    go: (row) => go(row, false),
    focus: () => node.focus(),
  };
}

function headOf(name: string, title: string, sort: (column: string) => void): HTMLElement {
  return make("div", { role: "columnheader" }, make("button", { type: "button", id: `sort-${name}`, click: () => sort(name) }, title));
}
