// The ledger, checked in this browser, and what was checked in words: of each change's page, and all of it when asked.

import { check, ledgerOf, type Found } from "../../verify/check";
import { keepKeys, keysOf, keysText, memoryOf } from "../../verify/memory";
import { lacking } from "../../verify/note";
import { NotProven, toHex } from "../../verify/text";
import { inWords } from "../../verify/words";
import type { Words } from "../../words";
import { make } from "../dom";
import type { Page } from "../part";
import { section, whyOf } from "./ask";
import { entriesOf, instant, saysStep, stepsOf, type Change } from "./model";

export interface Checking {
  readonly node: HTMLElement;
  check(change: Change, whole?: boolean): Promise<void>;
}
type Line = readonly ["ok" | "not", string];

/** `found`: what was proved, or null where something does not hold or nothing could be checked. */
export function checking(page: Page, found: (proved: Found | null, wrong: NotProven | null) => void): Checking {
  const words = page.words();
  const said = words.changes.check;
  let looked: Change | null = null;
  let turn = 0;
  const verdict = make("div", { id: "verdict", role: "status" });
  const bar = make("progress", { hidden: true, "aria-label": said.whole });
  const again = make("button", { type: "button", id: "check-entries", click: () => void run(false) }, said.entries);
  const whole = make("button", { type: "button", id: "check-whole", click: () => void run(true) }, said.whole);
  const keys = make("textarea", { id: "trusted-keys", rows: "2", spellcheck: "false", autocomplete: "off" });
  keys.value = keysText();
  const use = (event: Event) => {
    event.preventDefault();
    keepKeys(keys.value);
    void run(false);
  };
  const trusted = make("form", { submit: use }, make("label", { for: keys.id, class: "field" }, make("span", {}, said.keyLabel), keys), make("button", { type: "submit" }, said.useKeys));
  const fetched = ledgerOf((path, init) => fetch(path, init));

  async function run(all: boolean): Promise<void> {
    if (!looked) return;
    const [change, mine] = [looked, ++turn];
    const lacks = await lacking();
    if (lacks) return show([["not", said[lacks]]], null, null);
    [again.disabled, whole.disabled, bar.hidden] = [true, true, !all];
    verdict.replaceChildren(said.running);
    const progress = (done: number, of: number) => {
      [bar.max, bar.value] = [of, done];
      bar.title = said.progress(String(done), String(of));
    };
    try {
      const asked = { fetch: fetched, keys: keysOf(keys.value), memory: memoryOf(() => localStorage), entries: entriesOf(change) };
      const proved = await check(all ? { ...asked, whole: progress } : asked);
      if (mine === turn) show(linesOf(words, page.state().language, change, proved), proved, null);
    } catch (error) {
      if (mine === turn) failed(error);
    }
    if (mine === turn) [again.disabled, whole.disabled, bar.hidden] = [false, false, true];
  }

  function failed(error: unknown): void {
    if (!(error instanceof NotProven)) return show([["not", whyOf(words, error)]], null, null);
    const badKey = error.reason.kind === "malformed" && error.reason.what === "key" && keysOf(keys.value).length > 0;
    if (badKey) return show([["not", said.badKey]], null, null);
    const named = error.entry === null ? [] : [make("p", {}, make("strong", { id: "entry-at-fault" }, said.named(String(error.entry))))];
    verdict.replaceChildren(make("div", { class: "broken", role: "alert" }, make("p", {}, make("strong", {}, said.wrong), " ", inWords(words, error.reason)), ...named));
    found(null, error);
  }

  function show(lines: Line[], proved: Found | null, wrong: NotProven | null): void {
    verdict.replaceChildren(make("ul", {}, ...lines.map(([kind, text]) => make("li", { "data-kind": kind }, text))));
    found(proved, wrong);
  }

  return {
    node: section("check", said.name, make("p", {}, said.intro), make("div", { class: "choices" }, again, whole), bar, verdict, make("p", { class: "quiet" }, said.limit), trusted),
    async check(change, all = false) {
      looked = change;
      await run(all);
    },
  };
}

/** What was checked, and what was not, in sentences. */
export function linesOf(words: Words, language: string, change: Change, { opened, pinned, before, other, entries, whole }: Found): Line[] {
  const said = words.changes.check;
  const { checkpoint, log } = opened;
  const number = (value: number) => value.toLocaleString(language);
  const at = (time_s: number) => instant(new Date(time_s * 1000).toISOString());
  const others = strangersOf(words, change, entries);
  const proved = [...entries.keys()].sort((one, other) => one - other).join(", ");
  return [
    ["ok", said.checkpoint(number(checkpoint.size), checkpoint.origin, `${log.name}+${toHex(log.id)}`)],
    pinned ? ["ok", said.pinned] : ["not", said.served],
    ...opened.witnesses.map(({ key, time_s }): Line => ["ok", said.cosigned(key.name, at(time_s ?? 0))]),
    ...(opened.witnesses.length === 0 ? [["not", said.unwitnessed] as const] : []),
    ...(opened.strangers.length > 0 ? [["not", said.strangers(opened.strangers.join(", "))] as const] : []),
    ...(opened.unchecked.length > 0 ? [["not", said.unchecked(opened.unchecked.map(({ name }) => name).join(", "))] as const] : []),
    ...(other ? [["not", said.other(other)] as const] : []),
    before ? ["ok", said.goesOn(number(before.size))] : ["not", said.first],
    ...(proved ? [["ok", said.proved(proved)] as const] : []),
    ...others,
    ...(whole ? [["ok", said.all(number(checkpoint.size))] as const] : []),
    ["not", said.not],
  ];
}

/** Entries that say something else than the server said of this change. */
function strangersOf(words: Words, change: Change, entries: Found["entries"]): Line[] {
  const unlike = stepsOf(change).filter((step) => {
    const proved = step.entry === null ? undefined : entries.get(step.entry);
    return proved !== undefined && !saysStep(change, step, proved);
  });
  return [...new Set(unlike.map(({ entry }) => entry))].map((entry) => ["not", words.changes.check.unlike(String(entry))]);
}
