/** One value of a metric at a moment of the clock. */
export interface MetricValue {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Metrics that a service of AWS reports itself. Their values are sums of a minute or more, so only `Sum` can be asked. */
export interface OwnMetrics {
  readonly namespace: string;
  readonly names: readonly string[];
  find(name: string): readonly MetricValue[];
}

/** The runtime's metrics. Memory holds the latest values of each. */
export interface Metrics {
  record(value: MetricValue): void;
  /** Records a log line in CloudWatch's embedded metric format. Ignores any other line, as CloudWatch does. */
  recordEmbedded(line: string, at: number): void;
  find(namespace: string, name: string): readonly MetricValue[];
  /** Adds the metrics that a service reports. */
  addOwn(own: OwnMetrics): void;
  /** True for a metric that a service reports. */
  isOwn(namespace: string, name: string): boolean;
  all(): readonly MetricValue[];
}

/** Values that are kept of a metric. A busy API must not push out the metrics of others. */
const keptValues = 5_000;

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
  const byName = new Map<string, MetricValue[]>();
  const owns: OwnMetrics[] = [];
  const ownOf = (namespace: string, name: string) =>
    owns.find((own) => own.namespace === namespace && own.names.includes(name));
  const record = (value: MetricValue) => {
    const name = `${value.namespace}\n${value.name}`;
    const values = byName.get(name);
    if (!values) byName.set(name, [value]);
    else if (values.push(value) >= 2 * keptValues) values.splice(0, keptValues);
  };
  return {
    record,
    recordEmbedded(line, at) {
      for (const value of embeddedValues(line, at)) record(value);
    },
    all: () => [...byName.values()].flat(),
    addOwn: (own) => void owns.push(own),
    isOwn: (namespace, name) => ownOf(namespace, name) !== undefined,
    find: (namespace, name) => ownOf(namespace, name)?.find(name) ?? [...(byName.get(`${namespace}\n${name}`) ?? [])],
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
