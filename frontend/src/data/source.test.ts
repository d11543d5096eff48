import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { online, pauseOf } from "./source";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("events that were refused are listened to at once with another token, and not after the wait", async () => {
  const [asked, states]: [string[], boolean[]] = [[], []];
  let token = "old";
  vi.stubGlobal("fetch", async (_: string, { headers }: { headers: { Authorization: string } }) => {
    asked.push(headers.Authorization);
    if (headers.Authorization !== "Bearer new") return new Response("{}", { status: 401 });
    return new Response(new ReadableStream({ start: () => undefined })); // goes on for ever
  });
  const again = online(() => token).follow(() => undefined, (live) => void states.push(live));
  await vi.advanceTimersByTimeAsync(60_000);
  expect([asked.length > 3, new Set(asked), states.includes(true)]).toEqual([true, new Set(["Bearer old"]), false]);
  const waiting = asked.length;
  token = "new";
  again();
  await vi.advanceTimersByTimeAsync(0);
  expect(asked.slice(waiting)).toEqual(["Bearer new"]);
  expect(states.at(-1)).toBe(true);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(asked.slice(waiting)).toEqual(["Bearer new"]); // the wait that was ended does not end again
});

test("a wait ends when it is told to, or by itself, once; told before it begins, it is none", async () => {
  const { wait, end } = pauseOf();
  const ended: string[] = [];
  const waits = (name: string, ms: number) => void wait(ms).then(() => ended.push(name));
  waits("by itself", 1000);
  await vi.advanceTimersByTimeAsync(999);
  expect(ended).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  waits("told", 1000);
  end();
  await vi.advanceTimersByTimeAsync(0);
  expect(ended).toEqual(["by itself", "told"]);
  end(); // a question is under way
  waits("told before", 1000);
  await vi.advanceTimersByTimeAsync(0);
  waits("long", 1000);
  await vi.advanceTimersByTimeAsync(999);
  expect(ended).toEqual(["by itself", "told", "told before"]);
});
