import type { Outcome } from '../../cloud/partner-access';

export interface Check {
  readonly partner: string;
  readonly what: string;
  readonly expected: 'refused' | 'allowed';
  /** `unproven`: the call neither succeeded nor was refused, or could not be made from here. */
  readonly result: 'holds' | 'broken' | 'unproven';
  readonly detail?: string;
}

export class Checks {
  readonly all: Check[] = [];

  constructor(private readonly partner: string) {}

  judge(what: string, expected: Check['expected'], outcome: Outcome): Outcome {
    const result = outcome.kind === 'unclear' ? 'unproven' : outcome.kind === expected ? 'holds' : 'broken';
    const detail = outcome.kind === 'allowed' || result === 'holds' ? {} : { detail: outcome.message };
    this.all.push({ partner: this.partner, what, expected, result, ...detail });
    return outcome;
  }

  unproven(what: string, expected: Check['expected'], detail: string): void {
    this.all.push({ partner: this.partner, what, expected, result: 'unproven', detail });
  }
}
