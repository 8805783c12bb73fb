/** The pack or the warehouse makes a run impossible. The message says why. */
export class ConformanceError extends Error {
  constructor(
    message: string,
    /** 1 if the run was tried and failed, 2 if the pack is wrong. */
    readonly exitCode: 1 | 2 = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ConformanceError';
  }
}
