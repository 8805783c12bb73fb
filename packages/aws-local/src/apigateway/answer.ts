import { hopByHop } from './event';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

/** An answer of API Gateway itself. */
export const gatewayAnswer = (status: number, message: string): HttpAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify({ message })),
});

/** Largest answer of a function, in bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const maxAnswerBytes = 6 * 1024 * 1024;

/**
 * The answer that a function's result means. A result without `statusCode` is a body of JSON. Undefined if API Gateway
 * could not read the result; the caller then gets 500.
 */
export function answerOf(payload: unknown): HttpAnswer | undefined {
  if (typeof payload !== 'object' || payload === null || !('statusCode' in payload)) {
    const body = typeof payload === 'string' ? payload : JSON.stringify(payload ?? null);
    return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(body) };
  }
  const { statusCode, headers, cookies, body, isBase64Encoded } = payload as Readonly<Record<string, unknown>>;
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 100 || status > 599) return undefined;
  const text = textOf(body);
  const given = headersOf(headers);
  if (text === undefined || given === undefined) return undefined;
  if (Buffer.byteLength(text) > maxAnswerBytes) return undefined;
  given['content-type'] ??= 'text/plain; charset=utf-8';
  if (Array.isArray(cookies))
    return { status, headers: { ...given, 'set-cookie': cookies.map(String) }, body: bytes() };
  return { status, headers: given, body: bytes() };

  function bytes(): Buffer {
    return Buffer.from(text!, isBase64Encoded === true ? 'base64' : 'utf8');
  }
}

function textOf(body: unknown): string | undefined {
  if (body === undefined || body === null) return '';
  return typeof body === 'string' ? body : undefined;
}

/** Names are in lower case, as API Gateway sends them. Undefined if a value is neither a text, a number nor a boolean. */
function headersOf(headers: unknown): Record<string, string> | undefined {
  const given: Record<string, string> = {};
  if (headers === undefined || headers === null) return given;
  if (typeof headers !== 'object' || Array.isArray(headers)) return undefined;
  for (const [name, value] of Object.entries(headers)) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) return undefined;
    const lower = name.toLowerCase();
    if (lower !== 'content-length' && !hopByHop.has(lower)) given[lower] = String(value);
  }
  return given;
}
