import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { NotModelledError } from 'aws-local-kit';

/** Variables of an access log. A request that lacks a value has `-` in its place, as in API Gateway. */
const variables = [
  'accountId',
  'apiId',
  'authorizer.error',
  'domainName',
  'domainPrefix',
  'error.message',
  'error.responseType',
  'extendedRequestId',
  'httpMethod',
  'identity.accountId',
  'identity.caller',
  'identity.sourceIp',
  'identity.user',
  'identity.userAgent',
  'identity.userArn',
  'integration.error',
  'integration.integrationStatus',
  'integration.latency',
  'integration.requestId',
  'integration.status',
  'integrationErrorMessage',
  'integrationLatency',
  'integrationStatus',
  'path',
  'protocol',
  'requestId',
  'requestTime',
  'requestTimeEpoch',
  'responseLatency',
  'responseLength',
  'routeKey',
  'stage',
  'status',
] as const;

export type LogVariable = (typeof variables)[number];
export type LogValues = Readonly<Partial<Record<LogVariable, string | number>>>;

/** A variable, or text that stays. */
type Part = { readonly variable: LogVariable } | { readonly text: string };

export class AccessLogFormat {
  readonly #parts: readonly Part[];

  /** @throws NotModelledError naming a variable that is not known */
  constructor(format: string, where: string) {
    if (/[\r\n]/.test(format)) throw new Error(`${where} must be one line, got ${JSON.stringify(format)}`);
    if (!/\$context\.(requestId|extendedRequestId)\b/.test(format))
      throw new Error(`${where} must have $context.requestId, got ${JSON.stringify(format)}`);
    this.#parts = format.split(/(\$context\.[A-Za-z]+(?:\.[A-Za-z]+)*)/).map((part): Part => {
      if (!part.startsWith('$context.')) return { text: part };
      const variable = variables.find((known) => part === `$context.${known}`);
      if (variable === undefined) throw new NotModelledError(`${part} in ${where}`);
      return { variable };
    });
  }

  line(values: LogValues): string {
    return this.#parts
      .map((part) => ('text' in part ? part.text : escaped(String(values[part.variable] ?? '-'))))
      .join('');
  }
}

/** Values come from the caller. A value must not end the line or the text around it. */
const escaped = (value: string): string => JSON.stringify(value).slice(1, -1);

/** Access logs, one file for each log group, beside those of the functions. */
export function createAccessLogs(dataDir: string) {
  const streams = new Map<string, WriteStream>();
  return {
    write(group: string, line: string): void {
      let stream = streams.get(group);
      if (!stream) {
        const folder = join(dataDir, 'logs');
        mkdirSync(folder, { recursive: true });
        stream = createWriteStream(join(folder, `${group.replaceAll('/', '-').replace(/^-/, '')}.log`), { flags: 'a' });
        // A log that cannot be written (a full disk) must not end the runtime.
        stream.on('error', () => {});
        streams.set(group, stream);
      }
      stream.write(`${line}\n`);
    },
    dispose(): Promise<void> {
      const ends = [...streams.values()].map((stream) => new Promise<void>((resolve) => stream.end(() => resolve())));
      return Promise.all(ends).then(() => undefined);
    },
  };
}
