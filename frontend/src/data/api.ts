// The controller's API as this page's reader may use it: problems become `Refusal`, long work is waited for.

import { Trouble } from "./source";

/** What the server answered instead, in its own words (RFC 9457). */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly body: unknown = {}, // all that it said
  ) {
    super(detail || title);
  }
}

/** Who asks, as `GET /v1/session` says it. */
export interface Session {
  id: string;
  party: string;
  roles: string[];
  officer: string | null;
  via: string;
  csrf: string | null;
}

/** Long work, as `GET /v1/jobs/{id}` tells it. */
export interface Job {
  state: "waiting" | "running" | "done" | "failed";
  progress: { step: string; done: number; of: number };
  result: unknown;
  problem: { status: number; title: string; detail: string } | null;
}

export interface Api {
  session(): Promise<Session>;
  /** Somebody else asks from now on, as with another token. */
  forget(): void;
  get<T>(path: string): Promise<T>;
  bytes(path: string): Promise<Uint8Array>;
  /** Sent once: asked again with the same key after a cut, it is not done twice. */
  post<T>(path: string, body: unknown): Promise<T>;
  /** What a job gives that a POST began. `tell`: its state each time it is looked at. Throws Refusal where it failed. */
  finished<T>(path: string, body: unknown, tell?: (job: Job) => void): Promise<T>;
}

const LOOK_MS = 500;
const LOOKS = 12; // at a job, one after the other, that fail: a minute
const TRIES = 3; // of a POST whose answer was cut off

export function apiOf(token: () => string, wait = (ms: number) => new Promise((done) => setTimeout(done, ms))): Api {
  let known: Promise<Session> | null = null;
  const headers = async (more: Record<string, string>, unsafe: boolean): Promise<Record<string, string>> => {
    if (token()) return { Authorization: `Bearer ${token()}`, ...more };
    const csrf = unsafe ? (await session()).csrf : null;
    return csrf ? { "X-CSRF-Token": csrf, ...more } : more;
  };
  const ask = async (path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Response> => {
    const answer = await fetch(path, init).catch(() => {
      throw new Trouble("unreachable");
    });
    if (answer.ok) return answer;
    if (answer.status === 401 || answer.status === 403) known = null; // who asks may be somebody else by now
    throw await refusalOf(answer);
  };
  const get = async <T>(path: string) => (await ask(path, { headers: await headers({}, false) })).json() as Promise<T>;
  const session = (): Promise<Session> => {
    known ??= get<Session>("v1/session").catch((error: unknown) => {
      known = null;
      throw error;
    });
    return known;
  };
  const post = async <T>(path: string, body: unknown): Promise<T> => {
    const more = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
    for (let tries = 1; ; tries++) {
      try {
        const answer = await ask(path, { method: "POST", headers: await headers(more, true), body: JSON.stringify(body) });
        return (answer.status === 204 ? undefined : await answer.json()) as T;
      } catch (error) {
        if (!(error instanceof Trouble) || tries === TRIES) throw error;
        await wait(1000 * tries);
      }
    }
  };
  return {
    session,
    forget: () => void (known = null),
    get,
    bytes: async (path) => new Uint8Array(await (await ask(path, { headers: await headers({}, false) })).arrayBuffer()),
    post,
    async finished<T>(path: string, body: unknown, tell?: (job: Job) => void): Promise<T> {
      const { location } = await post<{ location: string }>(path, body);
      for (let tries = 1; ; ) {
        let job: Job;
        try {
          job = await get<Job>(location.replace(/^\//, ""));
        } catch (error) {
          // The job runs on while nobody hears of it: it is looked for again, and not begun again.
          if (!passes(error) || tries++ === LOOKS) throw error;
          await wait(1000 * Math.min(tries, 5));
          continue;
        }
        tries = 1;
        tell?.(job);
        if (job.problem) throw new Refusal(job.problem.status, job.problem.title, job.problem.detail);
        if (job.state === "done") return job.result as T;
        await wait(LOOK_MS);
      }
    },
  };
}

/** Whether it may be another time: the server is out of reach, or fails. */
function passes(error: unknown): boolean {
  return error instanceof Trouble || (error instanceof Refusal && error.status >= 500);
}

async function refusalOf(answer: Response): Promise<Refusal> {
  const said = (await answer.json().catch(() => ({}))) as { title?: string; detail?: unknown };
  return new Refusal(answer.status, said.title ?? "", typeof said.detail === "string" ? said.detail : "", said);
}
