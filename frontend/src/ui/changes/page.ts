// One change: what it moves, its rules, its effect, who signed and who is missing, and whether the ledger says so.

import type { Api, Session } from "../../data/api";
import type { Found } from "../../verify/check";
import type { NotProven } from "../../verify/text";
import { make } from "../dom";
import type { Page } from "../part";
import { actForm } from "./act";
import { section, sorry, tableOf } from "./ask";
import { checking } from "./checking";
import { effectLayers, effectSection, type Effect } from "./effect";
import { instant, pathOf, short, saysStep, stepsOf, type Change, type Step } from "./model";
import { rulesSection } from "./rules";
import { signForm, type Typed } from "./sign";

export interface Opened {
  readonly node: HTMLElement;
  again(): void;
  close(): void;
}

export function changePage(page: Page, api: Api, id: string, typed: Typed): Opened {
  const words = page.words();
  const said = words.changes;
  let change: Change | null = null;
  let session: Session | null = null;
  let closed = false;
  const back = (event: Event) => {
    event.preventDefault();
    page.set({ item: "" });
  };
  const [wrong, facts, difference, effect, timeline] = [make("div"), make("div"), make("div"), make("div"), make("div")];
  const rest = make("div", { hidden: true });
  const forms = [signForm(page, api, id, typed, (next) => show(next, true)), actForm(page, api, id, () => void load(true))];
  const check = checking(page, (found, failed) => tell(found, failed));
  rest.append(facts, difference, effect, timeline, ...forms.map(({ node }) => node), check.node);
  const node = make("article", { id: "change" }, make("p", {}, make("a", { href: "#page=changes", id: "all-changes", click: back }, `← ${said.back}`)), make("h2", {}, id), wrong, rest);

  async function load(recheck: boolean): Promise<void> {
    try {
      const found = await api.get<Change>(pathOf(id));
      session ??= await api.session();
      if (closed) return;
      wrong.replaceChildren();
      show(found, recheck);
    } catch (error) {
      if (!closed) wrong.replaceChildren(sorry(words, error, () => void load(true)));
    }
  }

  function show(next: Change, recheck: boolean): void {
    const first = change === null;
    change = next;
    rest.hidden = false;
    facts.replaceChildren(stateOf(), moved(), signatures());
    forms.forEach((form) => form.stands(next, session));
    if (first) void rules();
    if (first || effect.childElementCount === 0) void effects();
    if (recheck) {
      tell(null, null);
      void check.check(next);
    }
  }

  const stateOf = (): HTMLElement => {
    const { status, why, proposed, sponsor, unwitnessed } = change!;
    const { about } = said;
    const known: { [standing: string]: string } = { proved: about.proved, sponsored: about.sponsored(sponsor ?? ""), named: about.named };
    const told = sponsor === null ? known["named"] : sponsor === proposed.requester ? known["proved"] : known["sponsored"];
    const { from, until } = proposed.window;
    const rows: [string, string][] = [
      [said.state, said.states[status]],
      ...(why && status !== "active" ? [[about.waits, why] as [string, string]] : []),
      [about.requester, `${proposed.requester} (${told}), ${about.onBehalf} ${proposed.on_behalf_of}`],
      [about.reason, proposed.reason],
      [about.legal, proposed.legal_reference],
      [about.window, about.until(instant(from), instant(until))],
    ];
    const list = make("dl", {}, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
    list.querySelector("dd")!.setAttribute("id", "change-state");
    return section("about", about.name, list, ...(unwitnessed ? [make("p", { class: "warned" }, about.unwitnessed)] : []));
  };

  const moved = (): HTMLElement => {
    const { moves } = said;
    const value = (text: string | null) => make("code", text === null ? {} : { title: text }, short(text, moves.nothing));
    const rows = change!.proposed.moves.map((one) => [one.target, value(one.base), value(one.new)]);
    return section("moves", moves.name, tableOf(said.kinds[change!.proposed.kind] ?? change!.proposed.kind, [moves.target, moves.from, moves.to], rows));
  };

  const signatures = (): HTMLElement => {
    const { signatures: names } = said;
    const { approved_by, quorum, missing } = change!;
    const lines = [...new Map(quorum.map((line, at) => [line, missing[at] ?? ""]))];
    const table = tableOf(`${names.approved}: ${approved_by.join(", ") || names.nobodyYet}`, [names.quorum, names.missing], lines.map(([line, lacks]) => [make("code", {}, line), lacks || `✓ ${names.met}`]));
    table.id = "quorum";
    return section("signatures", names.name, table);
  };

  async function rules(): Promise<void> {
    const found = await rulesSection(words, api, change!.proposed.moves);
    if (found && !closed) difference.replaceChildren(found);
  }

  async function effects(): Promise<void> {
    if (change!.effect === null) return;
    try {
      const found = await api.get<Effect>(pathOf(id, "/effect"));
      if (closed) return;
      effect.replaceChildren(effectSection(words, page.state().language, found));
      page.view.over("changes", (globe) => effectLayers(page.scene, found.territories, globe));
    } catch (error) {
      if (!closed) effect.replaceChildren(sorry(words, error, () => void effects()));
    }
  }

  /** The timeline, with what was proved of it. */
  function tell(found: Found | null, failed: NotProven | null): void {
    const names = said.timeline;
    const proof = (step: Step) => {
      const { entry } = step;
      if (entry === null) return "–";
      const proved = found?.entries.get(entry);
      if (proved) return saysStep(change!, step, proved) ? `✓ ${names.yes}` : `✗ ${names.no}`;
      return failed?.entry === entry ? `✗ ${names.no}` : names.unknown;
    };
    const at = (step: Step) => step.at || (step.entry === null ? "" : (found?.entries.get(step.entry)?.at ?? ""));
    const what = ({ what: kind, who, entry }: Step) => {
      const text = found?.entries.get(entry ?? -1)?.body["text"];
      const more = kind === "objection" && typeof text === "string" ? `: “${text}”` : "";
      return `${names.steps[kind]}${kind === "approval" ? ` ${who}` : ""}${more}`;
    };
    const rows = stepsOf(change!).map((step) => [what(step), instant(at(step)) || "–", step.entry === null ? "–" : String(step.entry), proof(step)]);
    timeline.replaceChildren(section("timeline", names.name, tableOf("", [names.step, names.at, names.entry, names.proved], rows)));
  }

  void load(true);
  return {
    node,
    again: () => void load(false),
    close() {
      closed = true;
      page.view.over("changes", null);
    },
  };
}
