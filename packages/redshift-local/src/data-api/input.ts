import { AwsError, objectOf, type Properties } from 'aws-local-kit';
import { Constraints } from './constraints';
import { mentions, placeholders } from './placeholders';
import type { ResultFormat, SqlParameter } from './records';

/** Limits of the Data API (Redshift management guide, "Considerations when calling the Amazon Redshift Data API"). */
export const limits = {
  sqlBytes: 200 * 1024,
  batchStatements: 40,
  activeStatements: 500,
  clientTokenLength: 64,
  statementNameLength: 2048,
  waitSeconds: 30,
  sessionSeconds: 86_400,
  waitersPerStatement: 10,
} as const;

export const placeMembers = ['ClusterIdentifier', 'WorkgroupName', 'SecretArn', 'DbUser', 'Database'] as const;
const common = [
  ...placeMembers,
  'WithEvent',
  'StatementName',
  'Parameters',
  'ClientToken',
  'ResultFormat',
  'SessionId',
  'SessionKeepAliveSeconds',
  'WaitTimeSeconds',
] as const;

/** The warehouse, the database and the login. */
export interface Place {
  readonly cluster?: string;
  readonly workgroup?: string;
  readonly secretArn?: string;
  readonly dbUser?: string;
  readonly database: string;
}

/** The checked input of ExecuteStatement or BatchExecuteStatement. */
export interface Submission {
  /** Where to connect: a place, or an open session, which has a place already. */
  readonly target: { readonly place: Place } | { readonly sessionId: string };
  readonly keepAliveSeconds?: number;
  readonly sqls: readonly string[];
  readonly batch: boolean;
  readonly mode: 'transaction' | 'auto-commit';
  readonly withEvent: boolean;
  readonly name?: string;
  readonly parameters?: readonly SqlParameter[];
  readonly clientToken?: string;
  readonly resultFormat: ResultFormat;
  readonly waitSeconds: number;
}

export function executeInput(raw: unknown): Submission {
  const input = objectOf(raw, ['Sql', ...common], 'ExecuteStatement') ?? {};
  const check = new Constraints(input);
  const sql = check.requiredText('Sql');
  const rest = commonInput(input, check);
  return { ...rest, sqls: used([withinSize(sql, 'Sql')], rest.parameters), batch: false, mode: 'transaction' };
}

export function batchInput(raw: unknown): Submission {
  const input = objectOf(raw, ['Sqls', 'ExecutionMode', ...common], 'BatchExecuteStatement') ?? {};
  const check = new Constraints(input);
  const list = check.list('Sqls', 1, limits.batchStatements);
  if (list === undefined) check.missing('sqls');
  const sqls = (list ?? []).map((sql, index) => check.requiredAt(sql, `sqls.${index + 1}.member`));
  const mode = check.oneOf('ExecutionMode', ['TRANSACTION', 'AUTO_COMMIT']) ?? 'TRANSACTION';
  const rest = commonInput(input, check);
  return {
    ...rest,
    sqls: used(
      sqls.map((sql, index) => withinSize(sql, `Sqls[${index}]`)),
      rest.parameters,
    ),
    batch: true,
    mode: mode === 'TRANSACTION' ? 'transaction' : 'auto-commit',
  };
}

function withinSize(sql: string, where: string): string {
  const bytes = Buffer.byteLength(sql);
  if (bytes > limits.sqlBytes)
    throw new AwsError(
      'ValidationException',
      `The maximum query statement size is ${limits.sqlBytes / 1024} KB: ${where} has ${bytes} bytes.`,
    );
  if (sql.trim() === '') throw new AwsError('ValidationException', `${where} must hold a statement, got '${sql}'.`);
  return sql;
}

/** Checks that at least one statement uses each parameter (API reference, BatchExecuteStatement). */
function used(sqls: readonly string[], parameters: readonly SqlParameter[] = []): readonly string[] {
  const names = new Set(sqls.flatMap((sql) => [...placeholders(sql)]));
  for (const { name } of parameters) {
    if (names.has(name.toLowerCase())) continue;
    const quoted = sqls.some((sql) => mentions(sql, name));
    const why = quoted ? ` :${name} is inside quotes or a comment, where a placeholder is text and no parameter.` : '';
    throw new AwsError('ValidationException', `Parameter ${name} is used by no statement.${why}`);
  }
  return sqls;
}

const idPattern = /^[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\d{0,2})?$/;

/** Reads the members that both calls share. It checks each member before it checks combinations. */
function commonInput(input: Properties, check: Constraints): Omit<Submission, 'sqls' | 'batch' | 'mode'> {
  const members = {
    withEvent: check.boolean('WithEvent') ?? false,
    name: check.text('StatementName', { max: limits.statementNameLength }),
    parameters: parametersOf(check),
    clientToken: check.text('ClientToken', { min: 1, max: limits.clientTokenLength }),
    resultFormat: check.oneOf('ResultFormat', ['JSON', 'CSV']) ?? ('JSON' as const),
    waitSeconds: check.integer('WaitTimeSeconds', 1, limits.waitSeconds) ?? 0,
  };
  const keepAliveSeconds = check.integer('SessionKeepAliveSeconds', 0, limits.sessionSeconds);
  const sessionId = check.text('SessionId', { pattern: idPattern });
  const place = placeMembersOf(check);
  check.done();
  if (sessionId === undefined) return { ...members, keepAliveSeconds, target: { place: placeOf(place) } };
  const extra = placeMembers.find((name) => input[name] !== undefined);
  if (extra !== undefined) throw exclusive(extra, 'SessionId');
  return { ...members, keepAliveSeconds, target: { sessionId } };
}

type GivenPlace = Partial<Place>;

export const clusterPattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const workgroupPattern =
  /^([a-z0-9-]{3,63}|arn:(aws(-[a-z]+)*):redshift-serverless:([a-z]{2}(-gov|(-iso[a-z]?))?|eusc-[a-z]+)-[a-z]+-\d{1}:\d{12}:workgroup\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[a-z0-9-]{1,63}\/[a-z0-9-]{1,63}))$/;

/** Checks each member that names a warehouse. `placeOf` checks their combination. */
export function placeMembersOf(check: Constraints): GivenPlace {
  return {
    cluster: check.text('ClusterIdentifier', { min: 1, max: 63, pattern: clusterPattern }),
    workgroup: check.text('WorkgroupName', { min: 3, max: 128, pattern: workgroupPattern }),
    secretArn: check.text('SecretArn'),
    dbUser: check.text('DbUser'),
    database: check.text('Database'),
  };
}

const exclusive = (first: string, second: string) =>
  new AwsError('ValidationException', `${first} and ${second} cannot be specified together.`);

export function placeOf({ cluster, workgroup, secretArn, dbUser, database }: GivenPlace): Place {
  if (cluster === undefined && workgroup === undefined)
    throw new AwsError('ValidationException', 'Either ClusterIdentifier or WorkgroupName needs to be specified.');
  if (cluster !== undefined && workgroup !== undefined) throw exclusive('ClusterIdentifier', 'WorkgroupName');
  if (secretArn !== undefined && dbUser !== undefined) throw exclusive('SecretArn', 'DbUser');
  if (workgroup !== undefined && dbUser !== undefined) throw exclusive('WorkgroupName', 'DbUser');
  for (const [name, value] of Object.entries({ SecretArn: secretArn, DbUser: dbUser, Database: database }))
    if (value === '') throw new AwsError('ValidationException', `${name} must not be empty.`);
  if (database === undefined) throw new AwsError('ValidationException', 'Database needs to be specified.');
  return { cluster, workgroup, secretArn, dbUser, database };
}

/**
 * Reads the parameters. Their values cannot be NULL or empty (Redshift management guide: running parameterized
 * queries).
 */
function parametersOf(check: Constraints): SqlParameter[] | undefined {
  const list = check.list('Parameters', 1);
  const parameters = list?.map((item, index) => {
    const where = `parameters.${index + 1}.member`;
    const parameter = objectOf(item, ['name', 'value'], `Parameters[${index}]`) ?? {};
    return {
      name: check.requiredAt(parameter['name'], `${where}.name`, { pattern: /^[0-9a-zA-Z_]+$/ }),
      value: check.requiredAt(parameter['value'], `${where}.value`, { min: 1 }),
    };
  });
  const twice = parameters?.find(
    (parameter, index) => parameters.findIndex((other) => other.name === parameter.name) !== index,
  );
  if (twice) throw new AwsError('ValidationException', `Parameters names ${twice.name} more than once.`);
  return parameters;
}

/** Reads Id, WaitTimeSeconds and NextToken, for the calls about one statement. */
export function statementInput(raw: unknown, allowed: readonly string[], operation: string) {
  const check = new Constraints(objectOf(raw, allowed, operation) ?? {});
  const input = {
    id: check.requiredText('Id', { pattern: idPattern }),
    waitSeconds: check.integer('WaitTimeSeconds', 1, limits.waitSeconds) ?? 0,
    nextToken: check.text('NextToken'),
  };
  check.done();
  return input;
}

const states = ['SUBMITTED', 'PICKED', 'STARTED', 'FINISHED', 'ABORTED', 'FAILED', 'ALL'] as const;

/** Checks the input of ListStatements. Without a status, only finished statements are listed. */
export function listInput(raw: unknown) {
  const known = [
    'NextToken',
    'MaxResults',
    'StatementName',
    'Status',
    'RoleLevel',
    ...placeMembers.filter((name) => !['SecretArn', 'DbUser'].includes(name)),
  ];
  const check = new Constraints(objectOf(raw, known, 'ListStatements') ?? {});
  const input = {
    status: check.oneOf('Status', states) ?? 'FINISHED',
    prefix: check.text('StatementName', { max: limits.statementNameLength }),
    roleLevel: check.boolean('RoleLevel') ?? true,
    size: check.integer('MaxResults', 0, 100) || 100,
    nextToken: check.text('NextToken'),
    ...placeMembersOf(check),
  };
  check.done();
  if (input.cluster !== undefined && input.workgroup !== undefined)
    throw exclusive('ClusterIdentifier', 'WorkgroupName');
  return input;
}
