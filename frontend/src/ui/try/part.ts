// A rule tried: drawn or picked, its effect computed before anybody files it.

import "./try.css";
import type { Api, Session } from "../../data/api";
import { make } from "../dom";
import type { Page, Part } from "../part";
import { maySeeTerminals, type Effect } from "./effect";
import { effectMap } from "./maps";
import { filedOf, labelsOf, missing, proposalForm, proposalOf, type Filed } from "./proposal";
import { resultOf } from "./result";
import { bookOf, bookWith, ruleOf, troubles, type Book } from "./rule";
import { heldOf, trialOf, type Held, type Trial } from "./trial";
import { draw, fillForm, outline, tellStale } from "./typed";
import { tellFailed, work } from "./work";

const MAY_TRY = ["planner", "requester", "approver"];
const MAY_FILE = ["requester"];

export function tryPart(page: Page): Part {
  const trial = trialOf(page, compute);
  return {
    show: (into) => show(trial, into),
    hide: () => hide(trial),
    heard(event) {
      if (event.event === "policy") trial.held = null; // read again before the next trial
    },
  };
}

function show(trial: Trial, into: HTMLElement): void {
  const { page, box } = trial;
  const words = page.words().trying;
  trial.shown = true;
  into.replaceChildren(
    make("h2", {}, words.name), make("p", { class: "quiet" }, words.hint), box.form, box.wrong, box.progress, box.failed, box.note, box.map,
    box.result, box.proposal,
  );
  fillForm(trial);
  outline(trial);
  fillResult(trial);
  if (trial.held === null) void readBooks(trial);
}

function hide(trial: Trial): void {
  trial.shown = false;
  draw(trial, false);
  endMap(trial);
  trial.page.view.over("drawn", null);
}

const apiOf = ({ page }: Trial): Api => page.api!; // without a server there is no such page

/** Who asks, and the books in force. Whether they came. */
async function readBooks(trial: Trial): Promise<boolean> {
  const { page, box, draft } = trial;
  const again = () => void readBooks(trial);
  try {
    const api = apiOf(trial);
    const [session, held] = [await api.get<Session>("v1/session"), await inForce(api)];
    [trial.session, trial.held] = [session, held];
    if (held.length > 0 && draft.book === "" && draft.newBook === "operator") draft.book = (heldOf(trial, "operator") ?? held[0]!).book.book;
    box.failed.replaceChildren();
    if (trial.shown) fillForm(trial);
    return true;
  } catch (error) {
    tellFailed(trial, error, MAY_TRY, again);
    const words = page.words().trying;
    box.failed.prepend(make("p", {}, words.booksUntold));
    box.failed.append(make("button", { type: "button", click: again }, words.again));
    return false;
  }
}

async function inForce(api: Api): Promise<Held[]> {
  const { items } = await api.get<{ items: { book: string; sha256: string }[] }>("v1/policy/books");
  return Promise.all(items.map(async ({ sha256 }) => ({ book: await api.get<Book>(`ledger/artefacts/sha256/${sha256}`), sha256 })));
}

/** The draft's effect, unless something in it has to be mended first. */
async function compute(trial: Trial): Promise<void> {
  const { page, box, draft } = trial;
  if (trial.busy || (trial.held === null && !(await readBooks(trial)))) return;
  const words = page.words().trying;
  const before = heldOf(trial, bookOf(draft));
  const wrong = troubles(draft, page.scene.borders, before?.book ?? null);
  box.wrong.replaceChildren(...wrong.map(({ what, said }) => make("p", {}, `${words.wrong[what]} ${said}`.trim())));
  if (wrong.length > 0) return box.wrong.scrollIntoView({ block: "nearest" });
  draw(trial, false);
  const book = bookWith(before?.book ?? null, bookOf(draft), ruleOf(draft, page.scene.borders));
  const asked = JSON.stringify(draft);
  await work(trial, { what: "computing", roles: MAY_TRY, again: trial.compute, doing: async (tell) => {
    const path = maySeeTerminals(trial.session) ? "v1/policy/effect/terminals" : "v1/policy/effect";
    const effect = await apiOf(trial).finished<Effect>(path, { books: [book], beams: true, cells: true }, tell);
    [trial.tried, trial.filed] = [{ effect, book: { book, sha256: before?.sha256 ?? null }, draft: asked }, null];
    fillResult(trial);
    document.getElementById("try-effect-name")?.focus();
  } });
}

function fillResult(trial: Trial): void {
  const { page, box, tried, shown } = trial;
  tellStale(trial);
  endMap(trial);
  if (!tried || !shown) return;
  const names = new Map(page.scene.borders.features.map(({ properties }) => [properties.id, properties.name]));
  box.result.replaceChildren(...resultOf(page.words(), page.state().language, (id) => names.get(id) ?? id, tried.effect));
  const { cells } = tried.effect;
  if (cells && Object.keys(cells.classes).length > 0) trial.map = effectMap(page, cells);
  box.map.replaceChildren(...(trial.map ? [trial.map.controls] : []));
  fillProposal(trial);
}

function endMap(trial: Trial): void {
  trial.map?.end();
  trial.map = null;
}

function fillProposal(trial: Trial): void {
  const { page, box, said, session, filed } = trial;
  if (filed) return box.proposal.replaceChildren(...filedOf(page.words(), filed, (id) => page.set({ page: "changes", item: id })));
  const without = session?.roles.some((role) => MAY_FILE.includes(role)) ? "" : MAY_FILE.join(", ");
  box.proposal.replaceChildren(proposalForm(page.words(), said, without, () => void file(trial)));
}

/** What was tried, as a proposal, unless something of it is still to be said. */
async function file(trial: Trial): Promise<void> {
  const { page, box, said, tried } = trial;
  const [lacks, labels, words] = [missing(said), labelsOf(page.words()), page.words().trying];
  box.wrong.replaceChildren(...(lacks.length > 0 ? [make("p", {}, `${words.required} ${lacks.map((key) => labels[key]).join(", ")}`)] : []));
  if (lacks.length > 0) box.wrong.scrollIntoView({ block: "nearest" });
  if (lacks.length > 0 || !tried) return;
  await work(trial, { what: "sending", roles: MAY_FILE, again: () => void file(trial), doing: async (tell) => {
    trial.filed = await apiOf(trial).finished<Filed>("v1/changes", proposalOf(said, tried.book.book, tried.book.sha256), tell);
    fillProposal(trial);
    document.getElementById("try-filed")?.focus();
  } });
}
