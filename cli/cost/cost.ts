import { functionMetrics, shownMetrics } from '../../lib/monitoring/alarms';
import { type Price, prices } from './prices';

export interface TemplateResource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: each type has properties of its own
  readonly Properties?: any;
}
export type Resources = Readonly<Record<string, TemplateResource>>;

/**
 * An amount of one price. `fixed`: a month without traffic. `events`: a million events. `kept`: a GB that is kept for a
 * month.
 */
export interface Line {
  readonly per: 'fixed' | 'events' | 'kept';
  /** Row of the table that the line is summed under. */
  readonly group: string;
  readonly amount: number;
  readonly price: Price;
  readonly dollars: number;
}

export const monthHours = 730;
const monthMinutes = monthHours * 60;
/** Work of one tick of a schedule, events of its statements included. Estimated from local runs. */
const perTick = { invocations: 5, secondsEach: 1, statements: 4, logBytes: 4000 };
/**
 * Lambda polls a queue with five pollers, each with a call of 20 seconds (Lambda guide, "Using Lambda with Amazon
 * SQS").
 */
const pollsPerMinute = 15;

const line = (per: Line['per'], group: string, amount: number, price: Price): Line => ({
  per,
  group,
  amount,
  price,
  dollars: amount * prices[price].dollars,
});
const fixed = (group: string, amount: number, price: Price) => line('fixed', group, amount, price);

/** Types that cost nothing by themselves. Their traffic is priced by the events and GB. */
const free = new Set([
  'AWS::CDK::Metadata',
  'AWS::EC2::FlowLog',
  'AWS::EC2::RouteTable',
  'AWS::EC2::SecurityGroup',
  'AWS::EC2::SecurityGroupEgress',
  'AWS::EC2::SecurityGroupIngress',
  'AWS::EC2::Subnet',
  'AWS::EC2::SubnetRouteTableAssociation',
  'AWS::EC2::VPC',
  'AWS::Events::Rule',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::KinesisFirehose::DeliveryStream',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::Logs::LogStream',
  'AWS::Redshift::ClusterParameterGroup',
  'AWS::Redshift::ClusterSubnetGroup',
  'AWS::Redshift::ScheduledAction',
  'AWS::RedshiftServerless::Namespace',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
  'AWS::SecretsManager::ResourcePolicy',
  'AWS::SecretsManager::SecretTargetAttachment',
  // Runs only during deployments.
  'AWS::StepFunctions::StateMachine',
  'Custom::S3AutoDeleteObjects',
  'Custom::WarehouseObject',
]);

/** Hours a month that a cluster is awake, if its scheduled actions have fixed hours of every day. */
function awakeHours(resources: Resources): number {
  const hourOf = (kind: 'PauseCluster' | 'ResumeCluster') => {
    const action = Object.values(resources).find(
      ({ Type, Properties }) => Type === 'AWS::Redshift::ScheduledAction' && Properties.TargetAction[kind],
    );
    if (!action || action.Properties.Enable === false) return undefined;
    const hour = /^cron\(0 (\d+) \* \* \? \*\)$/.exec(action.Properties.Schedule)?.[1];
    return hour === undefined ? undefined : Number(hour);
  };
  const [pause, resume] = [hourOf('PauseCluster'), hourOf('ResumeCluster')];
  // Any other schedule is ignored. The sum is then too high, never too low.
  return pause === undefined || resume === undefined ? monthHours : (monthHours * ((pause - resume + 24) % 24)) / 24;
}

function minutesOf(expression: string): number {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (count === undefined) throw new Error(`a schedule must be a rate to be priced, got ${expression}`);
  return Number(count) * { minute: 1, hour: 60, day: 1440 }[unit as 'minute' | 'hour' | 'day'];
}

function schedule(expression: string): Line[] {
  const ticks = monthMinutes / minutesOf(expression);
  const statements = ticks * perTick.statements;
  return [
    fixed('Lambda and schedules', ticks, 'call of Scheduler'),
    fixed('Lambda and schedules', ticks * perTick.invocations, 'call of Lambda'),
    fixed('Lambda and schedules', ticks * perTick.invocations * perTick.secondsEach * 0.25, 'GB-second of Lambda'),
    // The Data API reads the secret for each statement, and Secrets Manager then calls KMS.
    fixed('credentials of each statement', statements, 'call of Secrets Manager'),
    fixed('credentials of each statement', statements, 'call of KMS'),
    fixed('logs', (ticks * perTick.invocations * perTick.logBytes) / 1e9, 'GB of logs'),
  ];
}

function stream({
  StreamModeDetails,
  ShardCount = 1,
  RetentionPeriodHours = 24,
}: TemplateResource['Properties']): Line[] {
  if (StreamModeDetails?.StreamMode === 'ON_DEMAND') return [fixed('Kinesis', monthHours, 'on-demand stream-hour')];
  return [
    fixed('Kinesis', ShardCount * monthHours, 'shard-hour'),
    ...(RetentionPeriodHours > 24
      ? [fixed('Kinesis', ShardCount * monthHours, 'shard-hour of retention beyond 24 h')]
      : []),
  ];
}

/** @throws Error for a type without a price here: no type is free by default */
function linesOf(resource: TemplateResource, resources: Resources): Line[] {
  const { Type, Properties = {} } = resource;
  if (free.has(Type)) return [];
  switch (Type) {
    case 'AWS::Redshift::Cluster': {
      const price = `node-hour ${Properties.NodeType}` as Price;
      if (!prices[price]) throw new Error(`cli/cost/prices.ts has no price of ${price}`);
      const nodes = Properties.NumberOfNodes ?? 1;
      const secret = Properties.ManageMasterPassword ? [fixed('keys and secrets', 1, 'secret-month')] : [];
      return [fixed('Redshift', nodes * awakeHours(resources), price), ...secret];
    }
    case 'AWS::RedshiftServerless::Workgroup':
      // Refreshes every few minutes keep the workgroup awake.
      return [fixed('Redshift', Properties.BaseCapacity * monthHours, 'RPU-hour')];
    case 'AWS::Kinesis::Stream':
      return stream(Properties);
    case 'AWS::EC2::VPCEndpoint':
      if (Properties.VpcEndpointType !== 'Interface') return [];
      return [fixed('VPC endpoints', Properties.SubnetIds.length * monthHours, 'endpoint-hour')];
    case 'AWS::KMS::Key':
      return [fixed('keys and secrets', 1, 'key-month')];
    case 'AWS::SecretsManager::Secret':
      return [fixed('keys and secrets', 1, 'secret-month')];
    case 'AWS::CloudWatch::Alarm':
      return [fixed('alarms', 1, 'alarm-month')];
    case 'AWS::CloudWatch::Dashboard':
      return [fixed('dashboard', 1, 'dashboard-month')];
    case 'AWS::Scheduler::Schedule':
      return Properties.State === 'ENABLED' ? schedule(Properties.ScheduleExpression) : [];
    case 'AWS::Lambda::EventSourceMapping':
      return [fixed('Lambda and schedules', pollsPerMinute * monthMinutes, 'call of SQS')];
    default:
      throw new Error(`cli/cost/cost.ts has no price of ${Type}`);
  }
}

/**
 * Returns the cost of the metrics that the functions write, counted per pipeline. A metric of a single view or of a
 * reason of rejects is written, and paid for, only while that view fails or records are rejected.
 */
function customMetrics(resources: Resources): Line[] {
  const { namespace, viewFailed, ...watched } = functionMetrics;
  const { rejectedRecords, ...shown } = shownMetrics;
  const ofPipelines = Object.values(resources).filter(
    ({ Properties }) => Properties?.Namespace === namespace && Properties.MetricName !== viewFailed,
  );
  const pipelines = new Set(ofPipelines.map(({ Properties }) => JSON.stringify(Properties.Dimensions)));
  const each = Object.keys(watched).length + Object.keys(shown).length;
  return [fixed('custom metrics', pipelines.size * each, 'custom metric-month')];
}

/** Returns all costs of an environment's templates: fixed, per million events of `eventBytes`, and per GB kept. */
export function costOf(resources: Resources, eventBytes = 500): Line[] {
  const all = Object.values(resources);
  const gb = (1e6 * eventBytes) / 1e9;
  // Kinesis rounds a record up to 1 kB, Firehose to 5 kB.
  const [streamGb, firehoseGb] = [1, 5].map((kb) => (1e6 * Math.ceil(eventBytes / (kb * 1024)) * kb * 1024) / 1e9) as [
    number,
    number,
  ];
  const retention = Math.max(
    24,
    ...all.flatMap(({ Type, Properties }) =>
      Type === 'AWS::Kinesis::Stream' ? [Properties.RetentionPeriodHours ?? 24] : [],
    ),
  );
  return [
    ...all.flatMap((resource) => linesOf(resource, resources)),
    ...customMetrics(resources),
    line('events', 'Kinesis', streamGb, 'GB into a stream'),
    // Redshift and Firehose each read all of it.
    line('events', 'Kinesis', 2 * gb, 'GB out of a stream'),
    line('events', 'Kinesis', (streamGb * (retention - 24)) / monthHours, 'GB-month of retention beyond 24 h'),
    line('events', 'VPC endpoints', gb, 'GB through an endpoint'),
    line('events', 'Firehose', firehoseGb, 'GB through Firehose'),
    line('kept', 'S3', 1, 'GB-month of S3'),
    line('kept', 'Redshift', 1, 'GB-month of managed storage'),
  ];
}

const number = (value: number) =>
  value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString('en-US') : value.toPrecision(2);
const money = (value: number) => `$${value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2)}`;
const unitPrice = (price: Price) => {
  const { dollars } = prices[price];
  return dollars < 0.01 ? `$${Number((dollars * 1e6).toPrecision(4))} a million` : `$${dollars}`;
};

/** Adds up amounts of the same price. */
function summed(lines: readonly Line[]): Line[] {
  const byPrice = new Map<string, Line>();
  for (const one of lines) {
    const before = byPrice.get(one.price);
    byPrice.set(
      one.price,
      before ? { ...one, amount: before.amount + one.amount, dollars: before.dollars + one.dollars } : one,
    );
  }
  return [...byPrice.values()];
}

/**
 * Formats costs as a table: a column for each environment, a row for each group of resources, then the totals.
 * @param content `totals` leaves the groups out, as in the README; docs/costs.md has all rows with their arithmetic
 */
export function costTable(
  environments: Readonly<Record<string, readonly Line[]>>,
  content: 'arithmetic' | 'totals' = 'arithmetic',
): string {
  const columns = Object.values(environments);
  const cell = (lines: readonly Line[], terms: boolean) => {
    const sum = money(lines.reduce((total, { dollars }) => total + dollars, 0));
    if (!terms) return sum;
    const parts = summed(lines).map(({ amount, price }) => `${number(amount)} × ${unitPrice(price)} (${price})`);
    return lines.length === 0 ? '' : `${parts.join(' + ')} = ${sum}`;
  };
  const rowsOf = (per: Line['per']) => {
    const groups = [
      ...new Set(
        columns
          .flat()
          .filter((one) => one.per === per)
          .map(({ group }) => group),
      ),
    ];
    return groups.map((group) => [
      group,
      ...columns.map((lines) =>
        cell(
          lines.filter((one) => one.per === per && one.group === group),
          true,
        ),
      ),
    ]);
  };
  const total = (per: Line['per']) =>
    columns.map(
      (lines) =>
        `**${cell(
          lines.filter((one) => one.per === per),
          false,
        )}**`,
    );
  const rows = [
    ['', ...Object.keys(environments)],
    ['---', ...columns.map(() => '---')],
    ...(content === 'totals' ? [] : rowsOf('fixed').map(([group, ...cells]) => [group!, ...cells])),
    ['**a month without traffic**', ...total('fixed')],
    ['**a million events**', ...total('events')],
    ['**a GB kept in S3 and in Redshift, a month**', ...total('kept')],
  ];
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}
