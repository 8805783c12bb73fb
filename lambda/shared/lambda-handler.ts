import type { RemainingMs } from './deadline';

/** The part of Lambda's context object that is used. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number;
}

/** Kept back for the function's answer. */
const answerMs = 3000;

/** Makes the handler that Lambda calls: the core gets the event as it came, and the time that is left for work. */
export const lambdaHandler =
  <Answer>(core: (event: unknown, remainingMs: RemainingMs) => Promise<Answer>) =>
  (event: unknown, context: LambdaContext): Promise<Answer> =>
    core(event, () => context.getRemainingTimeInMillis() - answerMs);
