import type { EndpointItem } from '../../../lambda/endpoint/contract';
import { Failure } from '../../failure';

export type CallFormat = 'table' | 'json' | 'csv' | 'ndjson';

/** An answer of the API. */
export interface Called {
  readonly status: number;
  readonly text: string;
  readonly milliseconds: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The address of a question. @param params of the query */
export function addressOf(
  url: string,
  { pipeline, name }: Pick<EndpointItem, 'pipeline' | 'name'>,
  format: Exclude<CallFormat, 'table'>,
  params: Readonly<Record<string, string>>,
): string {
  const query = new URLSearchParams(params).toString();
  return `${url}/v1/${pipeline}/${name}.${format}${query === '' ? '' : `?${query}`}`;
}

/** Waits for the answer, at most as long as API Gateway waits for the function. */
const longestMs = 35_000;

/** @param more headers of the request */
export async function ask(
  address: string,
  token: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Called> {
  const started = performance.now();
  let answer: Response;
  let text: string;
  try {
    const headers = { ...more, authorization: `Bearer ${token}` };
    answer = await fetch(address, { headers, signal: AbortSignal.timeout(longestMs) });
    text = await answer.text();
  } catch (error) {
    const { name, cause, message } = error as Error & { cause?: Error };
    const why = name === 'TimeoutError' ? `no answer within ${longestMs / 1000} s` : (cause?.message ?? message);
    throw new Failure(`${address.split('?')[0]}: ${why}`, 1, { cause: error });
  }
  const milliseconds = Math.round(performance.now() - started);
  return { status: answer.status, text, milliseconds, headers: Object.fromEntries(answer.headers) };
}

/** Says what a problem document says (RFC 9457), or shows another body. */
export function problemText(status: number, text: string): string {
  let problem: { title?: unknown; detail?: unknown; message?: unknown };
  try {
    problem = JSON.parse(text) ?? {};
  } catch {
    return `${status}: ${text.slice(0, 200)}`;
  }
  const { title, detail, message } = problem;
  return [status, title ?? message, detail]
    .filter((part) => typeof part === 'number' || (typeof part === 'string' && part !== ''))
    .join(': ');
}

/** The JSON answer of an endpoint, as far as it is shown. */
export interface EndpointAnswer {
  readonly meta: readonly { readonly name: string; readonly type: string }[];
  readonly data: readonly Readonly<Record<string, unknown>>[];
  readonly rows: number;
  readonly truncated: boolean;
  readonly freshness: {
    readonly refreshedAt: string | null;
    readonly completeUntil: string | null;
    readonly run?: string | null;
  };
  readonly statistics: { readonly cached?: boolean };
}
