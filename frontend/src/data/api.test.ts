import { afterEach, expect, test, vi } from "vitest";
import { Refusal, apiOf } from "./api";
import { Trouble } from "./source";

const at_once = () => Promise.resolve();
const answers = (...all: (Response | Error)[]) => {
  const asked: { path: string; init: RequestInit }[] = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    asked.push({ path, init });
    const next = all.shift()!;
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  });
  return asked;
};
const json = (value: unknown, status = 200) => new Response(JSON.stringify(value), { status });
const headersOf = (asked: { init: RequestInit }) => asked.init.headers as Record<string, string>;
afterEach(() => vi.unstubAllGlobals());

test("a token is shown; without one a session's change carries its word against forgery", async () => {
  let asked = answers(json({}));
  await apiOf(() => "t").post("v1/changes", {});
  expect(headersOf(asked[0]!)).toMatchObject({ Authorization: "Bearer t" });
  asked = answers(json({ id: "p", csrf: "word" }), json({}), json({}));
  const api = apiOf(() => "");
  await api.post("v1/changes", {});
  await api.get("v1/changes");
  expect(asked.map(({ path }) => path)).toEqual(["v1/session", "v1/changes", "v1/changes"]);
  expect(asked.map((one) => headersOf(one)["X-CSRF-Token"])).toEqual([undefined, "word", undefined]);
});

test("a change whose answer is cut off is asked for again with its key, and given up in the end", async () => {
  const asked = answers(new TypeError("cut"), json({ done: true }));
  expect(await apiOf(() => "t", at_once).post("v1/changes", {})).toEqual({ done: true });
  expect(headersOf(asked[0]!)["Idempotency-Key"]).toBe(headersOf(asked[1]!)["Idempotency-Key"]);
  answers(new TypeError("cut"), new TypeError("cut"), new TypeError("cut"));
  await expect(apiOf(() => "t", at_once).post("v1/changes", {})).rejects.toEqual(new Trouble("unreachable"));
});

test("what the server answers instead is told in its words", async () => {
  answers(json({ title: "Unprocessable", detail: "Every book has its name." }, 422), new Response("<html>", { status: 502 }));
  const api = apiOf(() => "t");
  await expect(api.get("v1/x")).rejects.toMatchObject({ status: 422, detail: "Every book has its name." });
  await expect(api.get("v1/x")).rejects.toBeInstanceOf(Refusal);
});

test("a job is waited for, its progress told, its failure raised", async () => {
  const running = { state: "running", progress: { step: "reach", done: 1, of: 2 }, result: null, problem: null };
  answers(json({ location: "/v1/jobs/1" }, 202), json(running), json({ ...running, state: "done", result: { gain: 7 } }));
  const told: string[] = [];
  const api = apiOf(() => "t", at_once);
  expect(await api.finished("v1/policy/effect", {}, (job) => told.push(job.state))).toEqual({ gain: 7 });
  expect(told).toEqual(["running", "done"]);
  const problem = { status: 422, title: "Unprocessable", detail: "no such territory" };
  answers(json({ location: "/v1/jobs/1" }, 202), json({ ...running, state: "failed", problem }));
  await expect(api.finished("v1/policy/effect", {})).rejects.toMatchObject({ status: 422, detail: "no such territory" });
});

test("a job is looked for again while the server is away, and is not begun again", async () => {
  const done = { state: "done", progress: { step: "", done: 1, of: 1 }, result: 7, problem: null };
  const asked = answers(json({ location: "/v1/jobs/1" }, 202), new TypeError("cut"), json({}, 502), json(done));
  expect(await apiOf(() => "t", at_once).finished("v1/changes", {})).toBe(7);
  expect(asked.map(({ path }) => path)).toEqual(["v1/changes", "v1/jobs/1", "v1/jobs/1", "v1/jobs/1"]);
  answers(json({ location: "/v1/jobs/1" }, 202), json({ detail: "There is no such job." }, 404));
  await expect(apiOf(() => "t", at_once).finished("v1/changes", {})).rejects.toMatchObject({ status: 404 });
});

test("who asks is asked again after another token, and after a refusal", async () => {
  const asked = answers(json({ id: "a" }), json({ id: "b" }), json({}, 401), json({ id: "c" }));
  const api = apiOf(() => "t", at_once);
  expect([(await api.session()).id, (await api.session()).id]).toEqual(["a", "a"]);
  api.forget();
  expect((await api.session()).id).toBe("b");
  await expect(api.get("v1/x")).rejects.toBeInstanceOf(Refusal);
  expect((await api.session()).id).toBe("c");
  expect(asked).toHaveLength(4);
});
