import { shortName } from '../sql/types';
import type { RedshiftType, ResultColumn } from '../statement';
import type { StatementRecord, SubStatement } from './records';

const seconds = (epochMs: number) => epochMs / 1000;
const nanoseconds = (milliseconds: number) => Math.round(milliseconds * 1e6);

const place = (record: StatementRecord) => ({
  ClusterIdentifier: record.warehouse.kind === 'cluster' ? record.warehouse.name : undefined,
  WorkgroupName: record.warehouse.kind === 'workgroup' ? record.warehouse.name : undefined,
  Database: record.database,
  DbUser: record.dbUser,
  SecretArn: record.secretArn,
  SessionId: record.sessionId,
});

const hasResult = (members: readonly SubStatement[]) => members.some((member) => member.result !== undefined);

export function submitted(record: StatementRecord, waited: boolean) {
  return {
    ...place(record),
    Id: record.id,
    CreatedAt: seconds(record.createdMs),
    ...(waited ? { Status: record.status, HasResultSet: hasResult(record.members), RedshiftPid: record.pid } : {}),
  };
}

export function describe(record: StatementRecord, member: SubStatement | undefined) {
  const only = member ?? (record.batch ? undefined : record.members[0]);
  const index = member && record.members.indexOf(member) + 1;
  return {
    ...place(record),
    Id: index === undefined ? record.id : `${record.id}:${index}`,
    Status: member ? member.status : record.status,
    Error: member ? member.error : record.error,
    Duration: nanoseconds(member ? member.durationMs : record.durationMs),
    CreatedAt: seconds(record.createdMs),
    UpdatedAt: seconds(member ? member.updatedMs : record.updatedMs),
    RedshiftPid: record.pid,
    RedshiftQueryId: only?.queryId ?? 0,
    HasResultSet: hasResult(only ? [only] : record.members),
    ResultRows: only?.rows ?? -1,
    ResultSize: only?.result?.bytes ?? (only ? 0 : -1),
    QueryString: only?.sql,
    QueryParameters: record.parameters,
    ResultFormat: record.resultFormat,
    ExecutionMode:
      record.batch && !member ? (record.mode === 'transaction' ? 'TRANSACTION' : 'AUTO_COMMIT') : undefined,
    SubStatements:
      record.batch && !member ? record.members.map((each, i) => subStatement(record, each, i + 1)) : undefined,
  };
}

function subStatement(record: StatementRecord, member: SubStatement, index: number) {
  return {
    Id: `${record.id}:${index}`,
    Status: member.status,
    Error: member.error,
    Duration: nanoseconds(member.durationMs),
    CreatedAt: seconds(record.createdMs),
    UpdatedAt: seconds(member.updatedMs),
    QueryString: member.sql,
    ResultRows: member.rows,
    ResultSize: member.result?.bytes ?? 0,
    RedshiftQueryId: member.queryId,
    HasResultSet: member.result !== undefined,
  };
}

export function listed(record: StatementRecord) {
  return {
    Id: record.id,
    StatementName: record.name,
    Status: record.status,
    CreatedAt: seconds(record.createdMs),
    UpdatedAt: seconds(record.updatedMs),
    SecretArn: record.secretArn,
    SessionId: record.sessionId,
    QueryString: record.batch ? undefined : record.members[0]!.sql,
    QueryStrings: record.batch ? record.members.map((member) => member.sql) : undefined,
    QueryParameters: record.parameters,
    IsBatchStatement: record.batch,
    ResultFormat: record.resultFormat,
  };
}

/**
 * Precision of each type: its digits, or the characters of its longest text. The values are those of the JDBC driver,
 * on which the Data API is built (`TypeInfoCache` of amazon-redshift-jdbc-driver).
 */
const precisions: Partial<Record<RedshiftType['name'], number>> = {
  smallint: 5,
  integer: 10,
  bigint: 19,
  real: 8,
  'double precision': 17,
  boolean: 1,
  date: 13,
  time: 15,
  timestamp: 29,
  timestamptz: 35,
};
const scales: Partial<Record<RedshiftType['name'], number>> = {
  real: 8,
  'double precision': 17,
  time: 6,
  timestamp: 6,
  timestamptz: 6,
};

/**
 * Returns a column's metadata, as in the examples of
 * https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-calling.html. Only a column of a table or view has a schema
 * and a table name.
 */
export function columnMetadata(column: ResultColumn) {
  const { type, origin } = column;
  const text = type.name === 'varchar' || type.name === 'char' || type.name === 'super' || type.name === 'varbyte';
  return {
    name: column.name,
    label: column.name,
    typeName: shortName(type),
    length: 0,
    precision: type.name === 'decimal' ? type.precision : 'length' in type ? type.length : (precisions[type.name] ?? 0),
    scale: type.name === 'decimal' ? type.scale : (scales[type.name] ?? 0),
    nullable: origin?.notNull ? 0 : 1,
    isCaseSensitive: text,
    isCurrency: false,
    isSigned: ['smallint', 'integer', 'bigint', 'real', 'double precision', 'decimal'].includes(type.name),
    schemaName: origin?.schema ?? '',
    tableName: origin?.table ?? '',
  };
}
