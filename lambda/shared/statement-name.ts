import { type Purpose, purposes, statementNamePrefix } from './plan';

/** The parts of a statement name: `millrace/<environment>/<pipeline>/<purpose>/<run id>/<step>/<attempt>`. */
export interface StatementName {
  readonly environment: string;
  readonly pipeline: string;
  readonly purpose: Purpose;
  readonly runId: string;
  readonly step: string;
  /** From 1. */
  readonly attempt: number;
}

export function formatStatementName(name: StatementName): string {
  const { environment, pipeline, purpose, runId, step, attempt } = name;
  return `${statementNamePrefix(environment, pipeline, purpose)}${runId}/${step}/${attempt}`;
}

/** Undefined for a name that Millrace did not give. */
export function parseStatementName(text: string): StatementName | undefined {
  const parts = text.split('/');
  if (parts.length !== 7 || parts[0] !== 'millrace' || parts.includes('')) return undefined;
  const [, environment, pipeline, purpose, runId, step, attempt] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (!(purposes as readonly string[]).includes(purpose) || !/^[1-9]\d*$/.test(attempt)) return undefined;
  return { environment, pipeline, purpose: purpose as Purpose, runId, step, attempt: Number(attempt) };
}

/** `20261121T0500Z`: sorts by time, and is safe in names and S3 keys. */
export const compactTime = (epochMs: number) => `${new Date(epochMs).toISOString().slice(0, 16).replace(/[-:]/g, '')}Z`;

/** Epoch milliseconds of a compact time. Throws on anything else. */
export function parseCompactTime(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z$/.exec(text);
  const time = match ? Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:00Z`) : Number.NaN;
  if (Number.isNaN(time)) throw new Error(`not a compact time as in 20261121T0500Z: ${text}`);
  return time;
}
