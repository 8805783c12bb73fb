import { randomBytes } from 'node:crypto';
import { NotModelledError } from 'aws-local-kit';

export interface PrefixValues {
  /** Arrival of the oldest record in the object, epoch milliseconds. */
  readonly oldestArrival: number;
  readonly errorOutputType?: string;
}

/** Java date patterns that a prefix can contain. */
const dateLetters = /yyyy|MM|dd|HH|mm|ss/g;

/**
 * Expands a custom prefix: https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
 * Without a timestamp expression Firehose appends `yyyy/MM/dd/HH/`.
 */
export function expandPrefix(prefix: string, values: PrefixValues): string {
  const complete = prefix.includes('!{timestamp:') ? prefix : `${prefix}!{timestamp:yyyy/MM/dd/HH/}`;
  return complete.replace(/!\{([^:}]*):([^}]*)\}/g, (whole, namespace: string, value: string) => {
    if (namespace === 'timestamp') return formatDate(value, values.oldestArrival);
    if (whole === '!{firehose:random-string}') return randomString();
    if (whole === '!{firehose:error-output-type}' && values.errorOutputType) return values.errorOutputType;
    throw new NotModelledError(`prefix expression ${whole}`);
  });
}

/** Throws for prefixes that Firehose refuses at creation. */
export function checkPrefixes(prefix: string, errorPrefix: string): void {
  if (prefix.includes('!{firehose:error-output-type}'))
    throw new Error('Prefix must not contain !{firehose:error-output-type}');
  if (prefix.includes('!{') && errorPrefix === '')
    throw new Error('ErrorOutputPrefix is required when Prefix has expressions');
  if (errorPrefix.includes('!{') && !errorPrefix.includes('!{firehose:error-output-type}'))
    throw new Error('ErrorOutputPrefix with expressions must contain !{firehose:error-output-type}');
  const sample = { oldestArrival: 0, errorOutputType: 'processing-failed' };
  for (const expanded of [expandPrefix(prefix, sample), expandPrefix(errorPrefix, sample)]) {
    if (expanded.length > 512)
      throw new Error(`an evaluated prefix must have at most 512 characters, got ${expanded.length}`);
  }
}

function formatDate(pattern: string, epochMs: number): string {
  const iso = new Date(epochMs).toISOString();
  const parts: Record<string, string> = {
    yyyy: iso.slice(0, 4),
    MM: iso.slice(5, 7),
    dd: iso.slice(8, 10),
    HH: iso.slice(11, 13),
    mm: iso.slice(14, 16),
    ss: iso.slice(17, 19),
  };
  const rest = pattern.replace(/'[^']*'/g, '').replace(dateLetters, '');
  if (/[A-Za-z]/.test(rest)) throw new NotModelledError(`date pattern ${pattern} of a prefix`);
  return pattern.replace(/'([^']*)'|yyyy|MM|dd|HH|mm|ss/g, (found, quoted?: string) => quoted ?? parts[found]!);
}

/** A random string of eleven characters, like Firehose's. */
function randomString(): string {
  return randomBytes(16)
    .toString('base64')
    .replace(/[^A-Za-z0-9]/g, '')
    .slice(0, 11)
    .padEnd(11, '0');
}
