import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CaseResult, Verdict } from './run';

export interface Summary {
  readonly cases: number;
  readonly agree: number;
  /** The number of cases that the local warehouse refused although they work on Redshift. */
  readonly refused: number;
  readonly skipped: number;
  readonly differ: number;
}

export function summaryOf(results: readonly CaseResult[]): Summary {
  const count = (verdict: Verdict) => results.filter((result) => result.verdict === verdict).length;
  return {
    cases: results.length,
    agree: count('agrees'),
    refused: count('refused'),
    skipped: count('skipped'),
    differ: count('differs'),
  };
}

export interface Report extends Summary {
  /** The warehouse that was tested: the local one, or a cluster or workgroup and its database. */
  readonly target: string;
  readonly differences: readonly {
    readonly topic: string;
    readonly name: string;
    readonly ground: string;
    readonly sql: readonly string[];
    readonly detail: string;
  }[];
  readonly notRun: readonly { readonly topic: string; readonly name: string; readonly detail: string }[];
}

export function reportOf(target: string, results: readonly CaseResult[]): Report {
  const of = (verdict: Verdict) => results.filter((result) => result.verdict === verdict);
  return {
    target,
    ...summaryOf(results),
    differences: of('differs').map(({ case: each, detail = '' }) => ({
      topic: each.topic,
      name: each.name,
      ground: each.ground.kind === 'assumed' ? 'assumed' : `documented: ${each.ground.page}`,
      sql: [...each.given, ...each.steps].flatMap((step) =>
        step.kind === 'sql' ? step.sql : step.kind === 'together' ? step.transactions.flat() : [],
      ),
      detail,
    })),
    notRun: of('skipped').map(({ case: { topic, name }, detail = '' }) => ({ topic, name, detail })),
  };
}

/** @throws the error of the file system */
export function writeReport(file: string, report: Report): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}
