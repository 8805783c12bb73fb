import type { TokenKeys } from './contract';

/** How long keys are used before they are read again. A removed key is accepted for that long. */
const freshMs = 5 * 60_000;
/** How long keys are used when they cannot be read. */
const staleMs = 60 * 60_000;
/** Least time between two reads because of an unknown key. */
const pauseMs = 10_000;

/** The keys of tokens, read when they are needed. */
export class KeyRing {
  private held: { readonly keys: TokenKeys; readonly at: number } | undefined;
  private reading: Promise<TokenKeys> | undefined;

  constructor(
    private readonly read: () => Promise<TokenKeys>,
    private readonly now: () => number,
  ) {}

  /** @param kid the key that a token names: keys are read again if it is unknown, because it may be new */
  async keys(kid?: string): Promise<TokenKeys> {
    const { held } = this;
    const age = held ? this.now() - held.at : Number.POSITIVE_INFINITY;
    const isMissing = held !== undefined && kid !== undefined && !Object.hasOwn(held.keys, kid);
    if (held && age < (isMissing ? pauseMs : freshMs)) return held.keys;
    try {
      return await this.readOnce();
    } catch (error) {
      if (!held || age >= staleMs) throw error;
      return held.keys;
    }
  }

  private readOnce(): Promise<TokenKeys> {
    this.reading ??= this.read()
      .then((keys) => {
        this.held = { keys, at: this.now() };
        return keys;
      })
      .finally(() => {
        this.reading = undefined;
      });
    return this.reading;
  }
}
