import type { Readable } from 'node:stream';
import type { Activity, Api, Snapshot } from '../api';

/** What the page shows and does: a running environment. */
export interface Source {
  /** Differs whenever a snapshot may differ. It is asked four times a second while a page is open, so it must be cheap. */
  version(): string;
  snapshot(): Promise<Snapshot>;
  /** @returns a function that ends it */
  onActivity(listener: (activity: Omit<Activity, 'id'>) => void): () => void;
  readonly calls: Calls;
  /** Bytes of a published file. @throws Refusal if the key is not one */
  download(key: string): Promise<{ readonly name: string; readonly bytes: number; readonly body: Readable }>;
}

export type Calls = {
  readonly [Path in keyof Api]: (input: Api[Path][0]) => Promise<Api[Path][1]>;
};

/** An error that the page shows as it is: what was asked cannot be done, and why. */
export class Refusal extends Error {}
