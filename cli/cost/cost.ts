import { resourceType } from '../../lambda/warehouse-object/contract';
import { endpointMetrics, functionMetrics, shownMetrics } from '../../lib/monitoring/alarms';
import { defaultRegion, type Price, type Prices, pricesOf, UnknownPriceError } from './prices';

export { UnknownPriceError };

export interface TemplateResource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: each type has properties of its own
  readonly Properties?: any;
}
export type Resources = Readonly<Record<string, TemplateResource>>;

/**
 * An amount of one price. `fixed`: a month without traffic. `events`: a million events. `requests`: a million requests of
 * endpoints that need no statement. `kept`: a GB that is kept for a month.
 */
export interface Line {
  readonly per: 'fixed' | 'events' | 'requests' | 'kept';
  /** Row of the table that the line is summed under. */
  readonly group: string;
  readonly amount: number;
  readonly price: Price;
  /** Price of one. */
  readonly unitDollars: number;
  readonly dollars: number;
}
/** A line before its price is known. */
type Amount = Omit<Line, 'unitDollars' | 'dollars'>;

export const monthHours = 730;
const monthMinutes = monthHours * 60;
/** Work of one tick of a schedule, events of its statements included. Estimated from local runs. */
const perTick = { invocations: 5, secondsEach: 1, statements: 4, logBytes: 4000 };
/** The pause function reads one object and runs no statement. */
const perLook = { invocations: 1, secondsEach: 0.2, statements: 0, logBytes: 500 };
/**
 * Lambda polls a queue with five pollers, each with a call of 20 seconds (Lambda guide, "Using Lambda with Amazon
 * SQS").
 */
const pollsPerMinute = 15;

const line = (per: Line['per'], group: string, amount: number, price: Price): Amount => ({ per, group, amount, price });
const fixed = (group: string, amount: number, price: Price) => line('fixed', group, amount, price);

/** A request of an endpoint whose answer is kept. Estimated from local runs; the access log and the function write a line each. */
const perRequest = { seconds: 0.02, gb: 1, logBytes: 1000 };

/** Types that cost nothing by themselves. Their traffic is priced by the events and GB. */
const free = new Set([
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Stage',
  // A budget is free unless it has actions of its own.
  'AWS::Budgets::Budget',
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
  'AWS::Scheduler::ScheduleGroup',
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
  if (count === undefined) throw new UnknownPriceError(`a schedule must be a rate to be priced, got ${expression}`);
  return Number(count) * { minute: 1, hour: 60, day: 1440 }[unit as 'minute' | 'hour' | 'day'];
}

function schedule({ ScheduleExpression, Target }: TemplateResource['Properties']): Amount[] {
  const ticks = monthMinutes / minutesOf(ScheduleExpression);
  const each = /"kind":"look"/.test(Target?.Input ?? '') ? perLook : perTick;
  const statements = ticks * each.statements;
  return [
    fixed('Lambda and schedules', ticks, 'call of Scheduler'),
    fixed('Lambda and schedules', ticks * each.invocations, 'call of Lambda'),
    fixed('Lambda and schedules', ticks * each.invocations * each.secondsEach * 0.25, 'GB-second of Lambda'),
    // The Data API reads the secret for each statement, and Secrets Manager then calls KMS.
    fixed('credentials of each statement', statements, 'call of Secrets Manager'),
    fixed('credentials of each statement', statements, 'call of KMS'),
    fixed('logs', (ticks * each.invocations * each.logBytes) / 1e9, 'GB of logs'),
  ];
}

function stream({
  StreamModeDetails,
  ShardCount = 1,
  RetentionPeriodHours = 24,
}: TemplateResource['Properties']): Amount[] {
  if (StreamModeDetails?.StreamMode === 'ON_DEMAND') return [fixed('Kinesis', monthHours, 'on-demand stream-hour')];
  return [
    fixed('Kinesis', ShardCount * monthHours, 'shard-hour'),
    ...(RetentionPeriodHours > 24
      ? [fixed('Kinesis', ShardCount * monthHours, 'shard-hour of retention beyond 24 h')]
      : []),
  ];
}

/** @throws UnknownPriceError for a type without a price here: no type is free by default */
function linesOf(resource: TemplateResource, resources: Resources): Amount[] {
  const { Type, Properties = {} } = resource;
  if (free.has(Type)) return [];
  switch (Type) {
    case 'AWS::Redshift::Cluster': {
      const price = `node-hour ${Properties.NodeType}` as Price;
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
      return Properties.State === 'ENABLED' ? schedule(Properties) : [];
    case 'AWS::Lambda::EventSourceMapping':
      return [fixed('Lambda and schedules', pollsPerMinute * monthMinutes, 'call of SQS')];
    default:
      throw new UnknownPriceError(`cli/cost/cost.ts has no price of ${Type}`);
  }
}

/**
 * Returns the cost of the metrics that the functions write, counted per pipeline. A metric of a single view, of a reason of
 * rejects or of forgotten records is written, and paid for, only while that view fails or such records arrive. One of an endpoint is
 * written while the endpoint is asked.
 */
function customMetrics(resources: Resources): Amount[] {
  const { namespace, viewFailed, ...watched } = functionMetrics;
  const { rejectedRecords, ...shown } = shownMetrics;
  const ofPipelines = Object.values(resources).filter(
    ({ Properties }) => Properties?.Namespace === namespace && Properties.MetricName !== viewFailed,
  );
  const pipelines = new Set(ofPipelines.map(({ Properties }) => JSON.stringify(Properties.Dimensions)));
  const each = Object.keys(watched).length + Object.keys(shown).length;
  const ofEndpoints =
    servedPipelines(resources) * Object.keys(endpointMetrics).length + declaredEndpoints(resources) * perEndpoint;
  return [fixed('custom metrics', pipelines.size * each + ofEndpoints, 'custom metric-month')];
}

/** Metrics with the dimension Endpoint: duration and cache hits. Errors are written only when there are some. */
const perEndpoint = 2;

const declaredEndpoints = (resources: Resources): number =>
  Object.values(resources)
    .filter(({ Type, Properties }) => Type === resourceType && Properties.kind === 'pipeline')
    .map(({ Properties }) => Object.keys(JSON.parse(Properties.declaration).endpoints ?? {}).length)
    .reduce((sum, endpoints) => sum + endpoints, 0);

/** How many pipelines have endpoints: each has a route for tokens. */
const servedPipelines = (resources: Resources): number =>
  Object.values(resources).filter(
    ({ Type, Properties }) => Type === 'AWS::ApiGatewayV2::Route' && /^ANY \/v1\//.test(Properties.RouteKey),
  ).length;

function requests(resources: Resources): Amount[] {
  if (servedPipelines(resources) === 0) return [];
  const of = (amount: number, price: Price) => line('requests', 'endpoints', amount * 1e6, price);
  return [
    of(1, 'request of an HTTP API'),
    of(1, 'call of Lambda'),
    of(perRequest.seconds * perRequest.gb, 'GB-second of Lambda'),
    of(1, 'GET of S3'),
    of(perRequest.logBytes / 1e9, 'GB of logs'),
  ];
}

export const defaultEventBytes = 500;

/**
 * Returns all costs of an environment's templates: fixed, per million events of `eventBytes`, and per GB kept.
 * @throws UnknownPriceError for a region or a resource without a price
 */
export function costOf(
  resources: Resources,
  eventBytes = defaultEventBytes,
  prices: Prices = pricesOf(defaultRegion),
): Line[] {
  return amountsOf(resources, eventBytes).map((amount) => priced(amount, prices));
}

function priced(amount: Amount, prices: Prices): Line {
  // A node type of a template may be any text.
  const unitDollars = (prices as Partial<Prices>)[amount.price]?.dollars;
  if (unitDollars === undefined) throw new UnknownPriceError(`cli/cost/prices.ts has no price of ${amount.price}`);
  return { ...amount, unitDollars, dollars: amount.amount * unitDollars };
}

function amountsOf(resources: Resources, eventBytes: number): Amount[] {
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
  const where = (type: string, ...lines: Amount[]) => (all.some(({ Type }) => Type === type) ? lines : []);
  return [
    ...all.flatMap((resource) => linesOf(resource, resources)),
    ...customMetrics(resources),
    // The owner of a stream that existed before pays for its records.
    ...where(
      'AWS::Kinesis::Stream',
      line('events', 'Kinesis', streamGb, 'GB into a stream'),
      // Redshift and Firehose each read all of it.
      line('events', 'Kinesis', 2 * gb, 'GB out of a stream'),
      line('events', 'Kinesis', (streamGb * (retention - 24)) / monthHours, 'GB-month of retention beyond 24 h'),
    ),
    ...where('AWS::EC2::VPCEndpoint', line('events', 'VPC endpoints', gb, 'GB through an endpoint')),
    ...where('AWS::KinesisFirehose::DeliveryStream', line('events', 'Firehose', firehoseGb, 'GB through Firehose')),
    ...requests(resources),
    line('kept', 'S3', 1, 'GB-month of S3'),
    line('kept', 'Redshift', 1, 'GB-month of managed storage'),
  ];
}

export const dollarsOf = (lines: readonly Line[], per?: Line['per']) =>
  lines.filter((one) => per === undefined || one.per === per).reduce((sum, { dollars }) => sum + dollars, 0);

export interface Traffic {
  readonly eventsPerDay: number;
  readonly eventBytes: number;
}

export interface Month {
  /** The fixed costs and those of the month's events. */
  readonly dollars: number;
  /** What keeping the month's events adds to the bill of each later month. */
  readonly keptDollars: number;
}

/** Returns the costs of a month with traffic. */
export function monthOf(lines: readonly Line[], { eventsPerDay, eventBytes }: Traffic): Month {
  const events = (eventsPerDay * monthHours) / 24;
  return {
    dollars: dollarsOf(lines, 'fixed') + (dollarsOf(lines, 'events') * events) / 1e6,
    // An event is kept in the archive and in the warehouse. Both compress, so the sum is too high, never too low.
    keptDollars: (dollarsOf(lines, 'kept') * events * eventBytes) / 1e9,
  };
}

/** A group of fixed costs that a change of the tree changes, in dollars a month. */
export interface Difference {
  readonly group: string;
  readonly before: number;
  readonly after: number;
}

/** Returns the groups whose fixed costs differ by a cent or more. */
export function differences(before: readonly Line[], after: readonly Line[]): Difference[] {
  const groups = [...new Set([...before, ...after].filter(({ per }) => per === 'fixed').map(({ group }) => group))];
  const sumOf = (lines: readonly Line[], wanted: string) =>
    dollarsOf(
      lines.filter(({ group }) => group === wanted),
      'fixed',
    );
  return groups
    .map((group) => ({ group, before: sumOf(before, group), after: sumOf(after, group) }))
    .filter((one) => Math.abs(one.after - one.before) >= 0.005);
}

/** Dollars of a month without traffic, on both sides of a change. */
export interface CostChange {
  readonly before: number;
  readonly after: number;
  readonly changed: readonly Difference[];
}

export const costChange = (before: readonly Line[], after: readonly Line[]): CostChange => ({
  before: dollarsOf(before, 'fixed'),
  after: dollarsOf(after, 'fixed'),
  changed: differences(before, after),
});
