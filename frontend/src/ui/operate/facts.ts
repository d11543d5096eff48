// Values of JSON as one reads them.

type Facts = { [name: string]: unknown };

export function plain(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.length === 0 ? "–" : value.map(plain).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** What is other: `state: active → lost`. */
export function told(before: Facts, after: Facts): string {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => (name in before ? `${name}: ${plain(before[name])} → ${plain(after[name])}` : `${name}: ${plain(after[name])}`))
    .join("; ");
}
