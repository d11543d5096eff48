// Server-sent events over fetch: an EventSource cannot show a token, and does not say why it was refused.

export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/** Feeds text as it comes, in pieces of any length; tells each event when it is whole. */
export function eventReader(told: (event: ServerEvent) => void): (text: string) => void {
  let rest = "";
  let id = "";
  let event = "";
  let data: string[] = [];
  const line = (text: string) => {
    if (text === "") {
      if (data.length > 0) told({ id, event: event || "message", data: data.join("\n") });
      event = "";
      data = [];
      return;
    }
    const at = text.indexOf(":");
    const name = at < 0 ? text : text.slice(0, at);
    const value = at < 0 ? "" : text.slice(at + 1).replace(/^ /, "");
    if (name === "id") id = value;
    else if (name === "event") event = value;
    else if (name === "data") data.push(value); // what has no name is a comment
  };
  return (text) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop()!;
    lines.forEach(line);
  };
}

/** How long to wait before the n-th try in a row: 1, 2, 4 … at most 30 s, and up to half as much again by chance. */
export function waitMs(tries: number, chance: number): number {
  return Math.min(30_000, 1000 * 2 ** Math.min(tries, 5)) * (1 + 0.5 * chance);
}
