import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ServerEvent } from "./events";
import { follower, type Followed } from "./follow";
import type { Plan } from "./plan";
import type { Scene } from "./scene";
import { Trouble, type Source } from "./source";

const scene = { slot_ms: 15_000, slot_phase_ms: 0 } as Scene;
const planOf = (number: number) => ({ number, begins_ms: number * 15_000, slot_ms: 15_000 }) as Plan;

/** A server whose newest slot the clock gives, and that keeps ten slots. */
function served() {
  const asked: number[] = [];
  let failing = false;
  const newest = () => Math.floor(Date.now() / 15_000);
  let told: (live: boolean, trouble?: Trouble) => void = () => undefined;
  let event: (one: ServerEvent) => void = () => undefined;
  let current = 0;
  let listened = 0;
  const source: Source = {
    offline: false,
    scene: async () => scene,
    cells: async () => [],
    current: async () => {
      current++;
      if (failing) throw new Trouble("server", 500);
      return planOf(newest());
    },
    plan: async (number) => {
      asked.push(number);
      if (number < newest() - 10) throw new Trouble("gone", 404);
      return planOf(number);
    },
    follow: (of, state) => {
      event = of;
      told = state;
      return () => void listened++;
    },
  };
  const slot = (number: number) => event({ id: "", event: "slot", data: JSON.stringify({ number: String(number) }) });
  return { source, asked, fail: (now: boolean) => (failing = now), live: (now: boolean) => told(now), slot, times: () => current, listened: () => listened };
}

beforeEach(() => void vi.useFakeTimers({ now: 15_000 * 1000 + 3000 }));
afterEach(() => void vi.useRealTimers());

function followed(source: Source) {
  let last: Followed | undefined;
  const follow = follower(source, scene, 0, (now) => (last = { ...now }));
  return { follow, now: () => last! };
}

test("the newest plan follows the slots, and is kept while the server fails", async () => {
  const server = served();
  const { now } = followed(server.source);
  await vi.advanceTimersByTimeAsync(0);
  expect(now().plan?.number).toBe(1000);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(now().plan?.number).toBe(1001);
  server.fail(true);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(now()).toMatchObject({ plan: { number: 1001 }, trouble: { kind: "server", status: 500 } });
  server.fail(false);
  server.live(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(now()).toMatchObject({ plan: { number: 1002 }, trouble: null, live: true });
});

test("a slot's plan is asked for once, whoever tells of it first", async () => {
  const server = served();
  const { now } = followed(server.source);
  server.live(true); // while the first question is under way
  await vi.advanceTimersByTimeAsync(0);
  expect([server.times(), now().plan?.number]).toEqual([1, 1000]);
  for (const number of [1001, 1002]) {
    vi.setSystemTime(number * 15_000 + 100);
    server.slot(number);
    server.slot(number);
    await vi.advanceTimersByTimeAsync(2_000); // the clock's turn passes
    server.slot(number);
  }
  expect([server.times(), now().plan?.number]).toEqual([3, 1002]);
  await vi.advanceTimersByTimeAsync(15_000); // nobody tells of the next one
  expect([server.times(), now().plan?.number]).toEqual([4, 1003]);
});

test("an instant that has passed shows its slot's plan, asked for once", async () => {
  const server = served();
  const { follow, now } = followed(server.source);
  await vi.advanceTimersByTimeAsync(0);
  for (const atMs of [995 * 15_000, 995 * 15_000 + 9000, 996 * 15_000, 995 * 15_000]) {
    follow.look(atMs);
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(server.asked).toEqual([995, 996]);
  expect(now().plan?.number).toBe(995);
  follow.look(2000 * 15_000);
  expect(now().plan?.number).toBe(1000);
});

test("a slot that is no longer kept shows nothing, says so, and is not asked for again", async () => {
  const server = served();
  const { follow, now } = followed(server.source);
  await vi.advanceTimersByTimeAsync(0);
  for (const atMs of [15_000, 995 * 15_000, 15_000]) {
    follow.look(atMs);
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(server.asked).toEqual([1, 995]);
  expect(now()).toMatchObject({ plan: null, trouble: { kind: "gone" } });
  await vi.advanceTimersByTimeAsync(15_000); // a newer plan comes, and it is still not that one
  expect(now()).toMatchObject({ plan: null, newest: { number: 1001 }, trouble: { kind: "gone" } });
  follow.look(null);
  expect(now()).toMatchObject({ plan: { number: 1001 }, trouble: null });
});

test("with another token it is asked and listened again at once", async () => {
  const server = served();
  server.fail(true);
  const { follow, now } = followed(server.source);
  await vi.advanceTimersByTimeAsync(0);
  expect(now()).toMatchObject({ newest: null, trouble: { kind: "server" } });
  server.fail(false);
  follow.again();
  await vi.advanceTimersByTimeAsync(0);
  expect(now()).toMatchObject({ newest: { number: 1000 }, trouble: null });
  expect(server.listened()).toBe(1);
});
