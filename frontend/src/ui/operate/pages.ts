// A long list, read page by page from the API and kept while the page is open.

import type { Api } from "../../data/api";

export const PAGE = 500; // the most that the registry gives at once

export interface Listed<T> {
  rows: readonly T[];
  /** All of them were read; when, by this machine's clock. */
  whole: boolean;
  readMs: number | null;
  /** How many of the reading under way; null: nothing is being read. */
  reading: number | null;
  trouble: unknown; // why it stopped; null: it did not
}

interface Answer<T> {
  items?: T[];
  leases?: T[];
  next: string | null;
}

/** Its first reading shows as it comes; a later one takes the place of the first when it is whole.
 *
 *  A reading that was cut off goes on where it stopped.
 */
export class LongList<T> {
  now: Listed<T> = { rows: [], whole: false, readMs: null, reading: null, trouble: null };
  private coming: T[] = [];
  private next: string | null = null;
  private stopped = false;

  constructor(
    private readonly api: Api,
    private readonly path: () => string,
    private readonly told: () => void,
    private readonly clock: () => number = Date.now,
  ) {}

  /** Reads, or reads on; nothing where it is being read. */
  async read(): Promise<void> {
    this.stopped = false;
    if (this.now.reading !== null) return;
    if (this.next === null) this.coming = [];
    let path = this.next ?? this.path();
    this.tell({ reading: this.coming.length, trouble: null });
    try {
      while (!this.stopped) {
        const answer = await this.api.get<Answer<T>>(path);
        this.coming = this.coming.concat(answer.items ?? answer.leases ?? []);
        this.next = answer.next?.replace(/^\//, "") ?? null;
        const rows = this.now.whole && this.next ? this.now.rows : this.coming;
        if (this.next === null) return this.tell({ rows, whole: true, readMs: this.clock(), reading: null });
        path = this.next;
        this.tell({ rows, reading: this.coming.length });
      }
      this.tell({ reading: null });
    } catch (error) {
      this.tell({ reading: null, trouble: error });
    }
  }

  /** After the page that is being read. */
  stop(): void {
    this.stopped = true;
  }

  private tell(change: Partial<Listed<T>>): void {
    this.now = { ...this.now, ...change };
    this.told();
  }
}
