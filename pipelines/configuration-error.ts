/** Configuration that cannot be deployed; `problems` holds every one of them. */
export class ConfigurationError extends Error {
  constructor(
    readonly problems: readonly string[],
    options?: ErrorOptions,
  ) {
    super(
      `invalid configuration, nothing can be deployed:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
      options,
    );
    this.name = 'ConfigurationError';
  }
}
