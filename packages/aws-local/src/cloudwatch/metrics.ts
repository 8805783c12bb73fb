/** One value of a metric at a moment of the clock. */
export interface MetricValue {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** The runtime's metrics. Memory holds the latest `keptValues` of them. */
export interface Metrics {
  record(value: MetricValue): void;
  /** Records a log line in CloudWatch's embedded metric format. Ignores any other line, as CloudWatch does. */
  recordEmbedded(line: string, at: number): void;
  find(namespace: string, name: string): readonly MetricValue[];
  all(): readonly MetricValue[];
}

const keptValues = 10_000;

interface EmbeddedLine {
  readonly _aws?: {
    readonly CloudWatchMetrics?: readonly {
      readonly Namespace: string;
      readonly Dimensions?: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
  readonly [key: string]: unknown;
}

export function createMetrics(): Metrics {
  const values: MetricValue[] = [];
  const record = (value: MetricValue) => {
    values.push(value);
    if (values.length > keptValues) values.splice(0, values.length - keptValues);
  };
  return {
    record,
    recordEmbedded(line, at) {
      for (const value of embeddedValues(line, at)) record(value);
    },
    all: () => values,
    find: (namespace, name) => values.filter((value) => value.namespace === namespace && value.name === name),
  };
}

function embeddedValues(line: string, at: number): MetricValue[] {
  const parsed = parse(line.slice(line.indexOf('{')));
  return (parsed?._aws?.CloudWatchMetrics ?? []).flatMap(({ Namespace, Dimensions, Metrics }) =>
    (Dimensions?.length ? Dimensions : [[]]).flatMap((names) =>
      Metrics.flatMap(({ Name }) => {
        const given = parsed![Name];
        const dimensions = Object.fromEntries(names.map((name) => [name, String(parsed![name])]));
        const list = Array.isArray(given) ? given : [given];
        return list
          .filter((value) => typeof value === 'number')
          .map((value) => ({ namespace: Namespace, name: Name, dimensions, value, at }));
      }),
    ),
  );
}

function parse(text: string): EmbeddedLine | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
