/** Returns what a copy that Ctrl-C ended says. */
export const interruptionReport = (state: string | undefined) => (): string =>
  state === undefined ? 'interrupted' : `interrupted: the same command goes on where ${state} ends`;
