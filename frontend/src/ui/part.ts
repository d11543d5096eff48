// What every part of the page (a place asked about, a rule tried, decisions, operation) is given, and what it is.

import type { Api } from "../data/api";
import type { ServerEvent } from "../data/events";
import type { Followed } from "../data/follow";
import type { Scene } from "../data/scene";
import type { Source } from "../data/source";
import type { View } from "../map/view";
import type { Words } from "../words";
import type { State } from "./state";

/** The page as its parts see it. What may change is asked for each time. */
export interface Page {
  readonly scene: Scene;
  readonly cells: string[]; // H3 indexes, by row of every plan
  readonly rowOf: ReadonlyMap<string, number>;
  readonly source: Source;
  readonly api: Api | null; // null: offline
  readonly view: View;
  words(): Words;
  state(): State;
  followed(): Followed;
  /** Which of the plan's classes is looked at. */
  ofClass(): number;
  set(change: Partial<State>): void;
  /** Another token for this tab, from somebody whom the server does not know any more. */
  useToken(token: string): void;
}

/** Shown in the side's box while `state.page` is its name. */
export interface Part {
  /** It is chosen: fills the box that it is given, and keeps it until `hide`. Words change by hide and show. */
  show(box: HTMLElement): void;
  /** Something else is chosen: takes its layers off the map. */
  hide(): void;
  /** `state.item` or `state.place` is another. */
  turned?(): void;
  /** Another plan is shown. */
  planned?(): void;
  /** An event of the server, whatever is shown: `slot`, `policy`, `alert`. */
  heard?(event: ServerEvent): void;
}
