// Whether the controller does its work: what stands, what was told, and its last slots.

import { Refusal, type Api } from "../../data/api";
import { make } from "../dom";
import type { Page } from "../part";
import { chart } from "./chart";
import { plain } from "./facts";
import type { Tabbed } from "./fleet_view";
import { beatsOf, numbersOf, type Alert, type Beat, type Ready, type SlotRead } from "./health";
import { clock, instant } from "./times";
import { wrongOf } from "./trouble";

const SLOTS = 60;
const MOST_ALERTS = 200;

export interface Health extends Tabbed {
  told(alert: Alert): void;
  /** The badge's number is read anew. */
  refresh(): void;
}

export function healthView(page: Page, api: Api, standing: (count: number) => void): Health {
  let ready: Ready | null = null;
  let slots: SlotRead[] = [];
  let alerts: Alert[] = [];
  let readMs: number | null = null;
  let troubles: unknown[] = [];
  let box: HTMLElement | null = null;
  let reading = false;
  let [wrong, status, nowBox, slotBox, alertBox] = [make("div"), make("p"), make("section"), make("section"), make("section")];
  const said = () => page.words().operate;

  async function readReady(): Promise<void> {
    try {
      ready = await api.get<Ready>("readyz");
    } catch (error) {
      // Who is not ready says so, and what is wrong, in an answer of the same form.
      if (!(error instanceof Refusal && error.status === 503 && (error.body as Partial<Ready>).checks)) throw error;
      ready = error.body as Ready;
    }
    standing(Object.keys(ready.alarms).length);
  }
  async function readSlots(): Promise<void> {
    slots = (await api.get<{ items: SlotRead[] }>(`v1/slots?limit=${SLOTS}`)).items;
  }
  async function read(): Promise<void> {
    if (reading) return;
    reading = true;
    const done = await Promise.allSettled([readReady(), ...(box ? [readSlots()] : [])]);
    reading = false;
    troubles = done.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    if (troubles.length === 0) readMs = Date.now();
    tell();
  }

  function tell(): void {
    if (!box) return;
    const words = page.words();
    const lines = [...new Set(troubles.map((one) => wrongOf(words, one)))];
    if (wrong.textContent !== lines.join("")) wrong.replaceChildren(...lines.map((one) => make("p", {}, one)));
    status.textContent = readMs === null ? said().reading : said().readAt(clock(readMs));
    if (ready) nowBox.replaceChildren(make("h2", {}, said().now), ...nowOf(ready));
    const beats = beatsOf(slots, SLOTS);
    if (beats.length > 0) {
      const before = slotBox.querySelector(".queue");
      const [focused, top] = [before === document.activeElement && before !== null, before?.scrollTop ?? 0];
      slotBox.replaceChildren(make("h2", {}, said().slots), ...slotsOf(beats));
      const queue = slotBox.querySelector<HTMLElement>(".queue")!;
      queue.scrollTop = top; // who reads the table goes on where they were
      if (focused) queue.focus();
    }
    alertBox.replaceChildren(make("h2", {}, said().alerts), ...alertsOf());
  }

  function nowOf(one: Ready): Node[] {
    const checks = Object.entries(one.checks).map(([name, text]) => `${name}: ${text}`).join("; ");
    const newest = slots[0];
    const facts: [string, string][] = [
      [said().ready, one.ready ? said().yes : said().no],
      [said().role, one.role],
      [said().checks, checks],
      ...(newest ? [[said().ledgerSize, newest.ledger.size] as [string, string], [said().ruleSet, newest.rule_set.slice(0, 16)] as [string, string]] : []),
      ...(one.ephemeris ? Object.entries(one.ephemeris).map(([name, value]) => [name.replaceAll("_", " "), plain(value)] as [string, string]) : []),
    ];
    const alarms = Object.entries(one.alarms).map(([name, why]) => make("li", {}, make("strong", {}, name), `: ${why}`));
    const standingNow = alarms.length > 0 ? make("ul", { class: "standing" }, ...alarms) : make("p", {}, said().noAlarms);
    const warnings = one.warnings.map((text) => make("p", { class: "warning" }, text));
    return [...warnings, make("h3", {}, said().alarmsNow), standingNow, make("dl", {}, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]))];
  }

  function slotsOf(beats: readonly Beat[]): Node[] {
    const [words, numbers] = [page.words(), numbersOf(beats)];
    const seconds = (s: number | null) => (s === null ? words.noValue : words.seconds(Number(s.toFixed(2))));
    const text = said().beats(String(beats.length), String(numbers.whole), String(numbers.degraded), String(numbers.none), seconds(numbers.late_s), seconds(numbers.early_s));
    const rows = [...beats].reverse().map((one) => {
      const cells = [String(one.number), clock(one.begins_ms), seconds(one.stored_s), seconds(one.applied_s), said().plans[one.kind] + (one.why ? `: ${one.why}` : "")];
      return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
    });
    const titles = [page.words().time.slot, said().begins, said().stored, said().applied, said().plan].map((title) => make("th", { scope: "col" }, title));
    const table = make("table", {}, make("caption", {}, said().slotsTable), make("thead", {}, make("tr", {}, ...titles)), make("tbody", {}, ...rows));
    return [make("p", { id: "beats" }, text), chart(beats, said().chart, (s) => `${s} s`), make("p", { class: "quiet" }, said().chartKey), make("div", { class: "queue", tabindex: "0", role: "region", "aria-label": said().slotsTable }, table)];
  }

  function alertsOf(): Node[] {
    if (alerts.length === 0) return [make("p", { class: "quiet" }, said().noAlerts)];
    const rows = alerts.map((one) => {
      const cells = [instant(one.at), one.alarm, one.over ? said().over : said().began, one.why];
      return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
    });
    const titles = [said().when, said().alarm, said().what, said().reason].map((title) => make("th", { scope: "col" }, title));
    return [make("table", {}, make("caption", {}, said().alertsSince), make("thead", {}, make("tr", {}, ...titles)), make("tbody", {}, ...rows))];
  }

  return {
    show(given) {
      box = given;
      [wrong, status] = [make("div", { class: "wrong", role: "alert" }), make("p", { class: "quiet" })];
      [nowBox, slotBox, alertBox] = [make("section", { id: "now" }), make("section", { id: "slots" }), make("section", { id: "alerts" })];
      const again = make("button", { type: "button", id: "read-health", click: () => void read() }, said().readAgain);
      box.replaceChildren(make("div", { class: "buttons" }, again, status), wrong, nowBox, slotBox, alertBox);
      tell();
      void read();
    },
    hide: () => (box = null),
    opened: () => undefined,
    slot: () => void read(),
    told(alert) {
      alerts = [alert, ...alerts].slice(0, MOST_ALERTS);
      tell();
    },
    refresh: () => void read(),
  };
}
