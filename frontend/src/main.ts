// The console: fetches the network once, then starts the page.

import "maplibre-gl/dist/maplibre-gl.css";
import "./style.css";
import { apiOf } from "./data/api";
import { Trouble, sourceOf } from "./data/source";
import { middleOf } from "./map/cells";
import { start } from "./ui/app";
import { tokenForm, troubleText } from "./ui/banner";
import { make } from "./ui/dom";
import { firstState, stateOf } from "./ui/state";
import { LANGUAGES, languageOf } from "./words";

const TOKEN = "openleo-token"; // of this tab alone
const AGAIN_MS = 5000;

const root = document.getElementById("console")!;
const first = firstState(languageOf(navigator.languages));
const words = LANGUAGES[stateOf(location.hash, first).language];
const token = () => sessionStorage.getItem(TOKEN) ?? "";
const source = sourceOf(document, token);
const api = source.offline ? null : apiOf(token);
const setToken = (token: string) => {
  sessionStorage.setItem(TOKEN, token);
  api?.forget();
};

async function open(): Promise<void> {
  try {
    root.replaceChildren(make("p", { class: "loading", role: "status" }, words.loading));
    const [scene, cells] = await Promise.all([source.scene(), source.cells()]);
    start({ root, source, api, scene, cells, first: { ...first, ...middleOf(cells) }, setToken });
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    const said = source.offline ? words.run.unreadable : troubleText(words, error);
    root.replaceChildren(make("p", { class: "loading", role: "alert" }, said));
    if (source.offline) return;
    if (error.kind === "unauthorised") {
      const use = (token: string) => {
        setToken(token);
        void open();
      };
      root.append(tokenForm(words, use));
    } else {
      setTimeout(() => void open(), AGAIN_MS);
    }
  }
}

void open();
