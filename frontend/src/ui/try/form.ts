// The form of the rule: what is typed goes into the draft at once, and stays there whatever fails.

import { outlineOf, readVertices, withoutLast } from "../../map/draw";
import type { Scene } from "../../data/scene";
import type { Words } from "../../words";
import { choice, make, tick } from "../dom";
import { EFFECTS, WHERES, classesOf, contestedWith, type Book, type Draft } from "./rule";

export interface FormOf {
  words: Words;
  scene: Scene;
  draft: Draft;
  books: Book[]; // in force
  drawing: boolean;
  /** Something was typed; `whole`: other fields are to be shown. */
  changed(whole: boolean): void;
  draw(on: boolean): void;
  compute(): void;
}

export function ruleForm(of: FormOf): HTMLElement {
  const { draft, changed } = of;
  const words = of.words.trying;
  const send = (event: Event) => {
    event.preventDefault();
    of.compute();
  };
  const text = (id: string, label: string, key: "km" | "id" | "reason" | "newBook", type = "text") =>
    field(id, label, type, draft[key], (typed) => {
      draft[key] = typed;
      changed(false);
    });
  const time = (id: string, label: string, key: "from" | "until") =>
    field(id, label, "datetime-local", draft[key], (typed) => {
      draft[key] = typed;
      changed(false);
    });
  const wheres = choice("try-where", words.where, WHERES.map((one) => [one, words.wheres[one]] as const), draft.where, (chosen) => {
    draft.where = chosen;
    changed(true);
  });
  const effects = choice("try-effect", words.effect, EFFECTS.map((one) => [one, words.effects[one]] as const), draft.effect, (chosen) => {
    draft.effect = chosen;
    changed(true);
  });
  const classes = make("fieldset", { class: "ticks" }, make("legend", {}, words.classes));
  const named = classesOf(of.books);
  for (const name of named) {
    classes.append(tick(`try-class-${name}`, name, draft.classes.includes(name), (on) => {
      draft.classes = named.filter((one) => (one === name ? on : draft.classes.includes(one)));
      changed(false);
    }));
  }
  const emergency = choice("try-emergency", words.emergency, (["keep", "cut"] as const).map((one) => [one, words.emergencies[one]] as const), draft.emergency, (chosen) => {
    draft.emergency = chosen;
    changed(false);
  });
  const books = choice("try-book", words.book, [...of.books.map(({ book }) => [book, book] as const), ["", words.newBook] as const], draft.book, (chosen) => {
    draft.book = chosen;
    changed(true);
  });
  return make(
    "form", { id: "try-form", class: "stacked", submit: send, novalidate: true },
    wheres, ...(draft.where === "drawn" ? outlineFields(of) : territoryFields(of, text)),
    effects, ...(draft.effect === "permit" ? [] : [emergency]), classes,
    time("try-from", words.from, "from"), time("try-until", words.until, "until"),
    text("try-id", words.id, "id"), text("try-reason", words.reason, "reason"),
    books, ...(draft.book === "" ? [text("try-new-book", words.bookName, "newBook")] : []),
    make("button", { type: "submit", class: "main" }, words.compute),
  );
}

export function field(id: string, label: string, type: string, value: string, typed: (value: string) => void): HTMLElement {
  const input = make("input", { id, type, value, autocomplete: "off", input: (event) => typed((event.target as HTMLInputElement).value) });
  return make("label", { for: id }, make("span", {}, label), input);
}

type TextOf = (id: string, label: string, key: "km", type?: string) => HTMLElement;

function territoryFields({ words, scene, draft, changed }: FormOf, text: TextOf): HTMLElement[] {
  const named = scene.borders.features.map(({ properties }) => properties).sort((a, b) => a.name.localeCompare(b.name, words.tag));
  const options = [["", words.trying.choose] as const, ...named.map(({ id, name }) => [id, `${name} (${id})`] as const)];
  const territory = choice("try-territory", words.trying.territory, options, draft.territory, (chosen) => {
    [draft.territory, draft.include] = [chosen, []];
    changed(true);
  });
  const km = draft.where === "coast" ? [text("try-km", words.trying.km, "km", "number")] : [];
  const contested = contestedWith(scene.borders, draft.territory);
  if (contested.length === 0) return [territory, ...km];
  const along = make("fieldset", { class: "ticks" }, make("legend", {}, words.trying.contested));
  for (const { id, name } of contested) {
    along.append(tick(`try-include-${id}`, name, draft.include.includes(id), (on) => {
      draft.include = on ? [...draft.include, id] : draft.include.filter((one) => one !== id);
      changed(false);
    }));
  }
  return [territory, ...km, along];
}

function outlineFields({ words, draft, drawing, changed, draw }: FormOf): HTMLElement[] {
  const said = words.trying;
  const typed = (event: Event) => {
    draft.outline = (event.target as HTMLTextAreaElement).value;
    changed(false);
  };
  const box = make("textarea", { id: "try-outline", rows: "5", spellcheck: "false", input: typed });
  box.value = draft.outline;
  const to = (outline: string) => () => {
    draft.outline = outline;
    changed(true);
  };
  const toggle = make("button", { type: "button", id: "try-draw", "aria-pressed": String(drawing), click: () => draw(!drawing) }, drawing ? said.close : said.draw);
  const buttons = [
    toggle,
    make("button", { type: "button", id: "try-undo", click: to(withoutLast(draft.outline)) }, said.undo),
    make("button", { type: "button", id: "try-clear", click: to("") }, said.clear),
  ];
  const pole = outlineOf(readVertices(draft.outline).vertices).overPole;
  return [
    make("label", { for: "try-outline", class: "tall" }, make("span", {}, said.outline), box),
    make("div", { class: "buttons" }, ...buttons),
    make("p", { class: "quiet", id: "try-drawing" }, [drawing ? said.drawing : "", pole ? said.overPole : ""].join(" ").trim()),
  ];
}
