import { AwsError, NotModelledError } from '../../ports';
import {
  booleanOf,
  integerOf,
  invalid,
  listOf,
  objectOf,
  oneOf,
  type Properties,
  requiredText,
  textOf,
} from '../../properties';
import type { SqlParameter } from './records';

/** Limits of the Data API (Redshift management guide). */
export const limits = {
  sqlBytes: 200 * 1024,
  batchStatements: 40,
  activeStatements: 500,
  clientTokenLength: 64,
  statementNameLength: 2048,
  identifierLength: 128,
  secretArnLength: 2048,
  waitSeconds: 30,
  waitersPerStatement: 10,
} as const;

const common = [
  'ClusterIdentifier',
  'WorkgroupName',
  'SecretArn',
  'DbUser',
  'Database',
  'WithEvent',
  'StatementName',
  'Parameters',
  'ClientToken',
  'ResultFormat',
  'SessionId',
  'SessionKeepAliveSeconds',
  'WaitTimeSeconds',
] as const;

/** ExecuteStatement and BatchExecuteStatement, checked. */
export interface Submission {
  readonly sqls: readonly string[];
  readonly batch: boolean;
  readonly mode: 'transaction' | 'auto-commit';
  readonly cluster?: string;
  readonly workgroup?: string;
  readonly secretArn?: string;
  readonly dbUser?: string;
  readonly database: string;
  readonly withEvent: boolean;
  readonly name?: string;
  readonly parameters?: readonly SqlParameter[];
  readonly clientToken?: string;
  readonly waitSeconds: number;
}

export function executeInput(raw: unknown): Submission {
  const input = objectOf(raw, ['Sql', ...common], 'ExecuteStatement') ?? {};
  return { ...commonInput(input), sqls: [sqlOf(input['Sql'], 'Sql')], batch: false, mode: 'transaction' };
}

export function batchInput(raw: unknown): Submission {
  const input = objectOf(raw, ['Sqls', 'ExecutionMode', ...common], 'BatchExecuteStatement') ?? {};
  const sqls = listOf(input['Sqls'], 'Sqls').map((sql, index) => sqlOf(sql, `Sqls[${index}]`));
  if (sqls.length < 1 || sqls.length > limits.batchStatements)
    throw invalid('Sqls', sqls.length, `a list of 1 to ${limits.batchStatements} statements`);
  const mode = oneOf(input['ExecutionMode'], ['TRANSACTION', 'AUTO_COMMIT'], 'ExecutionMode') ?? 'TRANSACTION';
  return { ...commonInput(input), sqls, batch: true, mode: mode === 'TRANSACTION' ? 'transaction' : 'auto-commit' };
}

function sqlOf(value: unknown, where: string): string {
  const sql = requiredText(value, where);
  if (Buffer.byteLength(sql) > limits.sqlBytes)
    throw invalid(where, `${Buffer.byteLength(sql)} bytes`, `at most ${limits.sqlBytes} bytes long`);
  return sql;
}

function commonInput(input: Properties) {
  for (const name of ['SessionId', 'SessionKeepAliveSeconds'])
    if (input[name] !== undefined) throw new NotModelledError(`redshift-data ${name}`);
  oneOf(input['ResultFormat'], ['JSON'], 'ResultFormat');
  return {
    ...placeOf(input),
    withEvent: booleanOf(input['WithEvent'], 'WithEvent') ?? false,
    name: shortText(input['StatementName'], 'StatementName', limits.statementNameLength),
    parameters: parametersOf(input['Parameters']),
    clientToken: shortText(input['ClientToken'], 'ClientToken', limits.clientTokenLength),
    waitSeconds: waitOf(input),
  };
}

/** Which warehouse, which database, and as whom. */
export function placeOf(input: Properties) {
  const cluster = shortText(input['ClusterIdentifier'], 'ClusterIdentifier', limits.identifierLength);
  const workgroup = shortText(input['WorkgroupName'], 'WorkgroupName', limits.identifierLength);
  const secretArn = shortText(input['SecretArn'], 'SecretArn', limits.secretArnLength);
  const dbUser = shortText(input['DbUser'], 'DbUser', limits.identifierLength);
  const database = shortText(input['Database'], 'Database', limits.identifierLength);
  if (cluster === undefined && workgroup === undefined)
    throw new AwsError('ValidationException', 'Either ClusterIdentifier or WorkgroupName needs to be specified.');
  const exclude = (first: string, second: string) => {
    throw new AwsError('ValidationException', `${first} and ${second} cannot be specified together.`);
  };
  if (cluster !== undefined && workgroup !== undefined) exclude('ClusterIdentifier', 'WorkgroupName');
  if (secretArn !== undefined && dbUser !== undefined) exclude('SecretArn', 'DbUser');
  if (workgroup !== undefined && dbUser !== undefined) exclude('WorkgroupName', 'DbUser');
  if (database === undefined)
    throw new AwsError('ValidationException', 'Database needs to be specified for this authentication.');
  return { cluster: cluster?.toLowerCase(), workgroup, secretArn, dbUser, database };
}

function shortText(value: unknown, where: string, max: number): string | undefined {
  const text = textOf(value, where);
  if (text !== undefined && (text.length === 0 || text.length > max))
    throw invalid(where, `${text.length} characters`, `1 to ${max} characters long`);
  return text;
}

/** Values cannot be NULL or empty (Redshift management guide: running parameterized queries). */
function parametersOf(value: unknown): SqlParameter[] | undefined {
  const list = listOf(value, 'Parameters');
  if (list.length === 0) return undefined;
  const parameters = list.map((item, index) => {
    const parameter = objectOf(item, ['name', 'value'], `Parameters[${index}]`) ?? {};
    return {
      name: requiredText(parameter['name'], `Parameters[${index}].name`),
      value: requiredText(parameter['value'], `Parameters[${index}].value`),
    };
  });
  const twice = parameters.find(
    (parameter, index) => parameters.findIndex((other) => other.name === parameter.name) !== index,
  );
  if (twice) throw invalid('Parameters', twice.name, 'a list without repeated names');
  return parameters;
}

export const waitOf = (input: Properties): number =>
  integerOf(input['WaitTimeSeconds'], 'WaitTimeSeconds', 0, limits.waitSeconds) ?? 0;
