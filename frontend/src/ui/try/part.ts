// A rule tried: drawn or picked, its effect computed before anybody files it.

import "./try.css";
import { Refusal, type Job, type Session } from "../../data/api";
import { outlineLayers } from "../../map/drawn";
import { outlineOf, readVertices, withVertex } from "../../map/draw";
import { Trouble } from "../../data/source";
import { tokenForm } from "../banner";
import { make } from "../dom";
import type { Page, Part } from "../part";
import { maySeeTerminals, type Effect } from "./effect";
import { ruleForm } from "./form";
import { effectMap, type EffectMap } from "./maps";
import { filedOf, labelsOf, missing, nothingSaid, proposalForm, proposalOf, type Filed } from "./proposal";
import { resultOf } from "./result";
import { bookOf, bookWith, firstDraft, ruleOf, troubles, type Book } from "./rule";

const MAY_TRY = ["planner", "requester", "approver"];
const MAY_FILE = ["requester"];
const LINE = { light: [140, 0, 90], dark: [255, 170, 220] } as const; // on every colour of cells

/** A book in force, or as it was tried, and the sha256 of the one that is in force; null: none is. */
interface Held {
  book: Book;
  sha256: string | null;
}

export function tryPart(page: Page): Part {
  const api = page.api!; // without a server there is no such page
  const draft = firstDraft();
  const said = nothingSaid();
  let held: Held[] | null = null;
  let session: Session | null = null;
  let tried: { effect: Effect; book: Held; draft: string } | null = null;
  let filed: Filed | null = null;
  let drawing = false;
  let shown = false;
  let busy = "";
  let map: EffectMap | null = null;
  const box = {
    form: make("div"), wrong: make("div", { id: "try-wrong", role: "alert" }), failed: make("div", { id: "try-failed", role: "alert" }),
    progress: make("div", { id: "try-progress", role: "status" }), note: make("p", { id: "try-another", role: "status" }), map: make("div"),
    result: make("div", { id: "try-result" }), proposal: make("div", { id: "try-proposal" }),
  };
  const words = () => page.words().trying;
  const heldOf = (name: string) => held?.find(({ book }) => book.book === name) ?? null;

  function fillForm(): void {
    const focused = document.activeElement?.id;
    const changed = (whole: boolean) => {
      if (whole) fillForm();
      outline();
      stale();
    };
    const books = (held ?? []).map(({ book }) => book);
    box.form.replaceChildren(ruleForm({ words: page.words(), scene: page.scene, draft, books, drawing, changed, draw, compute: () => void compute() }));
    if (focused) document.getElementById(focused)?.focus();
  }

  function draw(on: boolean): void {
    drawing = on;
    page.view.take(on ? (place) => {
      draft.outline = withVertex(draft.outline, place);
      fillForm();
      outline();
      stale();
    } : null);
    page.view.map.getCanvas().style.cursor = on ? "crosshair" : "";
    fillForm();
  }

  function outline(): void {
    if (draft.where !== "drawn" && drawing) return draw(false);
    if (draft.where !== "drawn") return page.view.over("drawn", null);
    const { vertices } = readVertices(draft.outline);
    const { ring } = outlineOf(vertices);
    const colour = LINE[document.documentElement.dataset.shade === "dark" ? "dark" : "light"];
    const shown = ring.length > 0 ? ring : vertices;
    page.view.over("drawn", vertices.length > 0 ? (globe) => outlineLayers(vertices, shown, colour, globe) : null);
  }

  function stale(): void {
    box.note.textContent = tried && tried.draft !== JSON.stringify(draft) ? words().another : "";
  }

  function tell(text: string, job?: Job): void {
    const { step, done, of } = job?.progress ?? { step: "", done: 0, of: 0 };
    const bar = make("progress", { "aria-label": text, max: String(of || 1), ...(of > 0 ? { value: String(done) } : {}) });
    box.progress.replaceChildren(make("p", {}, job?.state === "waiting" ? words().waiting : `${text}${step ? `: ${step}` : ""}`), bar);
  }

  /** What went wrong, beside what was asked; somebody whom the server does not know shows another token. */
  function failed(error: unknown, roles: string[], again: () => void): void {
    const known = error instanceof Refusal || error instanceof Trouble;
    if (!known) throw error;
    const use = (token: string) => {
      page.useToken(token);
      held = null; // roles may be others
      box.failed.replaceChildren();
      again();
    };
    const needs = error.status === 403 ? ` ${words().needs(roles.join(", "))}` : "";
    if (error.status === 401) box.failed.replaceChildren(make("p", {}, words().expired), tokenForm(page.words(), use));
    else if (error instanceof Trouble) box.failed.replaceChildren(make("p", {}, words().unreachable));
    else box.failed.replaceChildren(make("p", {}, `${words().failed} ${error.title ? `${error.title}: ` : ""}${error.detail}${needs}`));
    box.failed.scrollIntoView({ block: "nearest" });
  }

  async function books(): Promise<boolean> {
    try {
      [session, held] = [await api.get<Session>("v1/session"), await inForce()];
      if (held.length > 0 && draft.book === "" && draft.newBook === "operator") draft.book = (heldOf("operator") ?? held[0]!).book.book;
      box.failed.replaceChildren();
      if (shown) fillForm();
      return true;
    } catch (error) {
      failed(error, MAY_TRY, () => void books());
      const again = make("button", { type: "button", click: () => void books() }, words().again);
      box.failed.prepend(make("p", {}, words().booksUntold));
      box.failed.append(again);
      return false;
    }
  }

  async function inForce(): Promise<Held[]> {
    const { items } = await api.get<{ items: { book: string; sha256: string }[] }>("v1/policy/books");
    return Promise.all(items.map(async ({ sha256 }) => ({ book: await api.get<Book>(`ledger/artefacts/sha256/${sha256}`), sha256 })));
  }

  async function compute(): Promise<void> {
    if (busy || (held === null && !(await books()))) return;
    const name = bookOf(draft);
    const before = heldOf(name);
    const wrong = troubles(draft, page.scene.borders, before?.book ?? null);
    box.wrong.replaceChildren(...wrong.map(({ what, said: more }) => make("p", {}, `${words().wrong[what]} ${more}`.trim())));
    if (wrong.length > 0) return box.wrong.scrollIntoView({ block: "nearest" });
    draw(false);
    const book = bookWith(before?.book ?? null, name, ruleOf(draft, page.scene.borders));
    const asked = JSON.stringify(draft);
    await work(words().computing, MAY_TRY, () => void compute(), async () => {
      const path = maySeeTerminals(session) ? "v1/policy/effect/terminals" : "v1/policy/effect";
      const effect = await api.finished<Effect>(path, { books: [book], beams: true, cells: true }, (job) => tell(words().computing, job));
      [tried, filed] = [{ effect, book: { book, sha256: before?.sha256 ?? null }, draft: asked }, null];
      fillResult();
      document.getElementById("try-effect-name")?.focus();
    });
  }

  async function work(what: string, roles: string[], again: () => void, doing: () => Promise<void>): Promise<void> {
    if (busy) return;
    busy = what;
    box.failed.replaceChildren();
    tell(what);
    try {
      await doing();
    } catch (error) {
      failed(error, roles, again);
    } finally {
      busy = "";
      box.progress.replaceChildren();
    }
  }

  function fillResult(): void {
    stale();
    map?.end();
    map = null;
    if (!tried || !shown) return;
    const names = new Map(page.scene.borders.features.map(({ properties }) => [properties.id, properties.name]));
    box.result.replaceChildren(...resultOf(page.words(), page.state().language, (id) => names.get(id) ?? id, tried.effect));
    const { cells } = tried.effect;
    if (cells && Object.keys(cells.classes).length > 0) map = effectMap(page, cells);
    box.map.replaceChildren(...(map ? [map.controls] : []));
    fillProposal();
  }

  function fillProposal(): void {
    if (filed) return box.proposal.replaceChildren(...filedOf(page.words(), filed, (id) => page.set({ page: "changes", item: id })));
    const without = session?.roles.some((role) => MAY_FILE.includes(role)) ? "" : MAY_FILE.join(", ");
    box.proposal.replaceChildren(proposalForm(page.words(), said, without, () => void file()));
  }

  async function file(): Promise<void> {
    const [lacks, of] = [missing(said), tried];
    const labels = labelsOf(page.words());
    box.wrong.replaceChildren(...(lacks.length > 0 ? [make("p", {}, `${words().required} ${lacks.map((key) => labels[key]).join(", ")}`)] : []));
    if (lacks.length > 0) box.wrong.scrollIntoView({ block: "nearest" });
    if (lacks.length > 0 || !of) return;
    await work(words().sending, MAY_FILE, () => void file(), async () => {
      filed = await api.finished<Filed>("v1/changes", proposalOf(said, of.book.book, of.book.sha256), (job) => tell(words().sending, job));
      fillProposal();
      document.getElementById("try-filed")?.focus();
    });
  }

  return {
    show(into) {
      shown = true;
      into.replaceChildren(
        make("h2", {}, words().name), make("p", { class: "quiet" }, words().hint), box.form, box.wrong, box.progress, box.failed, box.note, box.map,
        box.result, box.proposal,
      );
      fillForm();
      outline();
      fillResult();
      if (held === null) void books();
    },
    hide() {
      shown = false;
      draw(false);
      map?.end();
      map = null;
      page.view.over("drawn", null);
    },
    heard(event) {
      if (event.event === "policy") held = null; // read again before the next trial
    },
  };
}
