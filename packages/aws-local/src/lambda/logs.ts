import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { ResourceTwin } from 'aws-local-kit';
import type { LambdaOptions } from './options';

export interface Logs {
  readonly resources: readonly ResourceTwin[];
  /** Writes a function's output to `logs/<function>.log`, and records its metrics in embedded metric format. */
  sink(functionName: string): (text: string) => void;
  dispose(): void;
}

export function createLogs({
  account,
  region,
  clock,
  dataDir,
  metrics,
}: Pick<LambdaOptions, 'account' | 'region' | 'clock' | 'dataDir' | 'metrics'>): Logs {
  const folder = join(dataDir, 'logs');
  const files = new Map<string, { stream: WriteStream; rest: string }>();
  const open = (name: string) => {
    const file = files.get(name);
    if (file) return file;
    mkdirSync(folder, { recursive: true });
    const stream = createWriteStream(join(folder, `${name}.log`), { flags: 'a' });
    // A log that cannot be written (a full disk) must not end the runtime. Other services report a full disk. The
    // stream is of no more use then, so the next output opens another.
    stream.on('error', () => files.delete(name));
    const opened = { stream, rest: '' };
    files.set(name, opened);
    return opened;
  };
  return {
    sink: (name) => (text) => {
      const file = open(name);
      file.stream.write(text);
      const lines = (file.rest + text).split('\n');
      file.rest = lines.pop()!;
      for (const line of lines) if (line.includes('"_aws"')) metrics.recordEmbedded(line, clock.now());
    },
    dispose() {
      for (const { stream } of files.values()) stream.end();
    },
    resources: [
      {
        type: 'AWS::Logs::LogGroup',
        properties: ['KmsKeyId', 'LogGroupClass', 'LogGroupName', 'RetentionInDays', 'Tags'],
        attributes: ['Arn'],
        create(properties: { LogGroupName?: string }, context) {
          const name = properties.LogGroupName ?? context.generatedName;
          return { ref: name, attributes: { Arn: `arn:aws:logs:${region}:${account}:log-group:${name}:*` } };
        },
        replacedBy: ['LogGroupName'],
        delete: () => undefined,
      },
      {
        type: 'AWS::Logs::LogStream',
        properties: ['LogGroupName', 'LogStreamName'],
        create: (properties: { LogStreamName?: string }, context) => ({
          ref: properties.LogStreamName ?? context.generatedName,
          attributes: {},
        }),
        replacedBy: ['LogGroupName', 'LogStreamName'],
        delete: () => undefined,
      },
      {
        // The policy says which services may write to log groups. Writing a log is not authorized locally.
        type: 'AWS::Logs::ResourcePolicy',
        properties: ['PolicyDocument', 'PolicyName'],
        create: (properties: { PolicyName: string }) => ({ ref: properties.PolicyName, attributes: {} }),
        replacedBy: ['PolicyName'],
        delete: () => undefined,
      },
      {
        // A filter turns log lines into metrics that only alarms read. It is recorded, not evaluated.
        type: 'AWS::Logs::MetricFilter',
        properties: ['FilterName', 'FilterPattern', 'LogGroupName', 'MetricTransformations'],
        create: (properties: { FilterName?: string }, context) => ({
          ref: properties.FilterName ?? context.generatedName,
          attributes: {},
        }),
        replacedBy: ['FilterName', 'LogGroupName'],
        delete: () => undefined,
      },
    ],
  };
}
