import type { Environment } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import { meaningOf } from '../cloud/aws-errors';
import { explain } from '../failure';
import { type Account, permissions } from './account';

export interface Finding {
  /** Subject of the check, in a word or two. */
  readonly check: string;
  readonly result: 'ok' | 'will fail' | "can't tell";
  readonly detail: string;
  /** Command or edit that fixes it. */
  readonly mend?: string;
  /** Permission that the caller lacks. */
  readonly permission?: string;
}

export interface Plan {
  readonly environment: Environment;
  readonly pipelines: readonly Pipeline[];
  readonly account: Account;
  /** Account of the caller. */
  readonly accountId: string;
}

export type Answer = Omit<Finding, 'check'>;
type Question = keyof typeof permissions;

export const ok = (detail: string): Answer => ({ result: 'ok', detail });
export const fails = (detail: string, mend: string): Answer => ({ result: 'will fail', detail, mend });

/** Runs one check. A failed call becomes "can't tell". @param questions calls whose permission the check needs */
export async function look(
  check: string,
  questions: Question | readonly Question[],
  answer: () => Promise<Answer>,
): Promise<Finding> {
  try {
    return { check, ...(await answer()) };
  } catch (error) {
    const meaning = meaningOf(error);
    const permission = [questions]
      .flat()
      .map((question) => permissions[question as Question])
      .join(', ');
    if (meaning?.kind === 'denied')
      return { check, result: "can't tell", detail: `you lack ${permission}`, permission };
    return { check, result: "can't tell", detail: meaning?.sentence ?? explain(error) };
  }
}
