// The rules that a change moves, as a difference that people read; of documents that hash to what is signed.

import type { Api } from "../../data/api";
import { sha256 } from "../../verify/merkle";
import { toHex } from "../../verify/text";
import type { Words } from "../../words";
import { make } from "../dom";
import { section, tableOf, whyOf } from "./ask";
import { counted, differenceOf, type Book, type RuleDifference } from "./difference";
import type { Move } from "./model";

const SIGNS = { added: "+", removed: "−", changed: "~" };

/** null: its moves are of no book. */
export async function rulesSection(words: Words, api: Api, moves: Move[]): Promise<HTMLElement | null> {
  const books = moves.filter(({ target }) => target.startsWith("book:"));
  if (books.length === 0) return null;
  const said = words.changes.rules;
  try {
    const read = await Promise.all(books.map(async (move) => ({ move, before: await bookOf(api, move.base), after: await bookOf(api, move.new) })));
    const hashed = read.flatMap(({ before, after }) => [before.fits, after.fits]);
    const verdict = hashed.includes(false) ? make("p", { class: "warned", role: "alert" }, said.unlike) : make("p", { class: "quiet" }, hashed.includes(null) ? "" : said.checked);
    const blocks = read.flatMap(({ move, before, after }) => {
      const found = differenceOf(move.target.slice("book:".length), before.book, after.book);
      const count = counted(found);
      const counts = said.counts(String(count.added), String(count.removed), String(count.changed), String(found.unchanged));
      return [make("p", {}, make("strong", {}, move.target), `: ${counts}.`), ...found.rules.map((one) => ruleBlock(words, one))];
    });
    return section("rules", said.name, ...blocks, verdict);
  } catch (error) {
    return section("rules", said.name, make("p", { role: "alert" }, said.notShown(whyOf(words, error))));
  }
}

function ruleBlock(words: Words, one: RuleDifference): HTMLElement {
  const said = words.changes.rules;
  const name = `${SIGNS[one.kind]} ${said[one.kind]}: ${one.id || one.keys.map(({ key }) => key).join(", ")}`;
  const rows = one.keys.map(({ key, before, after }) => (one.kind === "changed" ? [key, make("del", {}, before), make("ins", {}, after)] : [key, one.kind === "added" ? make("ins", {}, after) : make("del", {}, before)]));
  const heads = one.kind === "changed" ? [said.key, said.before, said.after] : [said.key, one.kind === "added" ? said.after : said.before];
  return make("div", { class: "difference", "data-kind": one.kind }, tableOf(name, heads, rows));
}

/** A book by its hash, and whether its bytes are what that is of; null: nobody could tell. */
async function bookOf(api: Api, hash: string | null): Promise<{ book: Book | null; fits: boolean | null }> {
  if (hash === null) return { book: null, fits: true };
  const bytes = new Uint8Array(await api.bytes(`ledger/artefacts/sha256/${hash}`));
  const book = JSON.parse(new TextDecoder().decode(bytes)) as Book;
  return { book, fits: crypto.subtle ? toHex(await sha256(bytes)) === hash : null };
}
