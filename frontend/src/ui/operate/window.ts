// Which rows of a long list are to be in the document.

export const ROW_PX = 28;
const MORE = 8; // rows beyond both edges, so that a small move shows no gap

/** The rows to draw, from the first to before the last, of `count` rows. */
export function shownRows(scrollPx: number, heightPx: number, count: number): [number, number] {
  const first = Math.floor(scrollPx / ROW_PX) - MORE;
  const end = Math.ceil((scrollPx + heightPx) / ROW_PX) + MORE;
  const last = Math.min(count, Math.max(0, end));
  return [Math.min(last, Math.max(0, first)), last];
}

/** Where to scroll to so that a row is whole in sight; where it is, nothing moves. */
export function scrolledTo(row: number, scrollPx: number, heightPx: number): number {
  const top = row * ROW_PX;
  if (top < scrollPx) return top;
  return top + ROW_PX > scrollPx + heightPx ? top + ROW_PX - heightPx : scrollPx;
}

/** The row that a key goes to; null: the key means nothing here. */
export function rowAfter(key: string, row: number, count: number, heightPx: number): number | null {
  const page = Math.max(1, Math.floor(heightPx / ROW_PX) - 1);
  const steps: { [key: string]: number } = {
    ArrowDown: row + 1, ArrowUp: row - 1, PageDown: row + page, PageUp: row - page, Home: 0, End: count - 1,
  };
  const to = steps[key];
  return to === undefined || count === 0 ? null : Math.min(count - 1, Math.max(0, to));
}
