import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Api } from "../../data/api";
import { LANGUAGES } from "../../words";
import type { Page } from "../part";
import type { Piece } from "./evidence";
import { nothingTyped, reviewForm, type Typed } from "./review_form";

/** As much of an element as a form asks for: there is no browser here. */
class Made {
  id = "";
  value = "";
  disabled = false;
  textContent = "";
  attributes: { [name: string]: string | boolean } = {};
  heard: { [name: string]: (event: unknown) => void } = {};
  children: (Made | string)[] = [];
  constructor(readonly tag: string) {}
  setAttribute(name: string, value: string) {
    this.attributes[name] = value;
  }
  toggleAttribute(name: string, on: boolean) {
    this.attributes[name] = on;
  }
  addEventListener(name: string, told: (event: unknown) => void) {
    this.heard[name] = told;
  }
  append(...more: (Made | string)[]) {
    this.children.push(...more);
  }
  all(): Made[] {
    return [this, ...this.children.flatMap((one) => (typeof one === "string" ? [] : one.all()))];
  }
}

beforeEach(() => void vi.stubGlobal("document", { createElement: (tag: string) => new Made(tag), getElementById: () => null }));
afterEach(() => void vi.unstubAllGlobals());

const PIECE = { id: "0f", state: "open" } as Piece;
const page = { words: () => LANGUAGES.en } as Page;

function opened(typed: Typed, post: (path: string, body: unknown) => Promise<unknown>, done: (changed: Piece) => void = () => undefined) {
  const form = reviewForm(page, { post } as unknown as Api, PIECE, null, typed, done) as unknown as Made;
  const finding = form.all().find(({ tag }) => tag === "textarea")!;
  const choice = (state: string) => form.all().find(({ attributes }) => attributes.value === state)!;
  return {
    type(text: string) {
      finding.value = text;
      finding.heard.input!({});
    },
    choose: (state: string) => choice(state).heard.change!({}),
    send: async () => {
      form.heard.submit!({ preventDefault: () => undefined });
      await new Promise((go) => setTimeout(go));
    },
    seen: () => [finding.value, choice("upheld").attributes.checked, choice("dismissed").attributes.checked],
  };
}

test("a finding that was begun is there when the form is made again, and gone once it is sent", async () => {
  const typed = nothingTyped();
  const asked: unknown[] = [];
  const first = opened(typed, () => Promise.reject(new Error("not yet")));
  expect(first.seen()).toEqual(["", false, false]);
  first.type("Seen at sea.");
  first.choose("upheld");
  await first.send(); // fails
  const again = opened(typed, async (path, body) => (asked.push([path, body]), { ...PIECE, state: "upheld", next_step: null }));
  expect(again.seen()).toEqual(["Seen at sea.", true, false]);
  await again.send(); // as it stands, untouched
  expect(asked).toEqual([["v1/evidence/0f/review", { state: "upheld", finding: "Seen at sea." }]]);
  expect(opened(typed, async () => PIECE).seen()).toEqual(["", false, false]);
});
