// What of the operator's page is opened, as the address says it.

export const TABS = ["fleet", "review", "health"] as const;
export type Tab = (typeof TABS)[number];

/** `""`, `terminal:ID`: the fleet; `review`, `evidence:ID`: the queue; `health`. What nobody knows is the fleet. */
export function openedBy(item: string): { tab: Tab; id: string } {
  const [kind, id] = split(item);
  if (kind === "terminal") return { tab: "fleet", id };
  if (kind === "evidence") return { tab: "review", id };
  return { tab: kind === "review" || kind === "health" ? kind : "fleet", id: "" };
}

export function itemOf(tab: Tab, id = ""): string {
  if (id) return `${tab === "fleet" ? "terminal" : "evidence"}:${id}`;
  return tab === "fleet" ? "" : tab;
}

/** Ids may hold colons of their own. */
function split(item: string): [string, string] {
  const at = item.indexOf(":");
  return at < 0 ? [item, ""] : [item.slice(0, at), item.slice(at + 1)];
}
