/** The pack, or the warehouse that it is run against, is not fit for a run; the message says why. */
export class ConformanceError extends Error {
  constructor(
    message: string,
    /** 1: it was tried and failed. 2: the pack is wrong. */
    readonly exitCode: 1 | 2 = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ConformanceError';
  }
}
