// Why a place is served or not: the decision of the rules, each rule with its authority and its entry of the ledger.

import type { Words } from "../../words";
import { make } from "../dom";
import type { OfClass, PlaceAnswer, Rule } from "./answer";

/** `open`: a change's page, while what is looked at stays. */
export function why(words: Words, answer: PlaceAnswer, class_: string, open: (change: string) => void): Node[] {
  const of = answer.classes.find(({ name }) => name === class_);
  if (!of) return [];
  const { panel } = words;
  const nodes: Node[] = [make("h3", {}, panel.rules)];
  if (!of.decision) return [...nodes, make("p", { class: "quiet" }, panel.otherRules)];
  nodes.push(make("p", {}, make("strong", {}, panel.decisions[of.decision.decision])));
  const note = dependsText(words, of);
  if (note) nodes.push(make("p", { class: "depends" }, note));
  if (of.decision.because.length === 0) nodes.push(make("p", {}, panel.noRule));
  else nodes.push(make("ul", { class: "rules" }, ...of.decision.because.map((rule) => ruleItem(words, rule, open))));
  if (of.decision.valid_until) nodes.push(make("p", { class: "quiet" }, panel.until(instantText(of.decision.valid_until))));
  nodes.push(make("p", { class: "quiet" }, panel.ledger(answer.ledger_size)));
  return nodes;
}

/** That the answer depends on the terminal, and on what of it; "" where it does not. */
export function dependsText(words: Words, { depends, decision }: OfClass): string {
  const missing = decision?.missing ?? [];
  if (missing.length > 0) {
    const named = missing.map((one) => (words.panel.missing as { [name: string]: string })[one] ?? one);
    return words.panel.depends(named.join(", "));
  }
  return depends ? words.panel.dependsInCell : "";
}

function ruleItem(words: Words, rule: Rule, open: (change: string) => void): HTMLElement {
  const { panel } = words;
  const effect = (panel.effects as { [effect: string]: string })[rule.effect] ?? rule.effect;
  const parts: Node[] = [make("p", {}, make("strong", {}, `${effect} · ${rule.rule}`), ` (${rule.book})`)];
  if (rule.reason) parts.push(make("p", {}, rule.reason));
  const list = make("dl");
  const say = (name: string, value: string | Node) => list.append(make("dt", {}, name), make("dd", {}, value));
  say(panel.authority, rule.authority || panel.notStated);
  if (rule.legal_reference) say(panel.legal, rule.legal_reference);
  const { change } = rule;
  if (change && rule.entry) {
    const click = (event: Event) => {
      if ((event as MouseEvent).ctrlKey || (event as MouseEvent).metaKey) return;
      event.preventDefault();
      open(change);
    };
    const link = make("a", { href: `#page=changes&item=${encodeURIComponent(change)}`, click }, panel.entry(rule.entry, change));
    say(panel.ledgerEntry, link);
  } else {
    say(panel.ledgerEntry, panel.noEntry);
  }
  return make("li", {}, ...parts, list);
}

/** An instant of the server's to the minute, or the second where it has one. */
export function instantText(instant: string): string {
  return instant.replace("T", " ").replace(/(:00)?(\.0+)?(Z|\+00:00)$/, " UTC");
}
