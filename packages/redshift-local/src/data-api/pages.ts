import { AwsError } from 'aws-local-kit';
import type { Field } from '../engine/result';
import { columnMetadata } from './output';
import type { ResultFormat } from './records';
import type { StoredResult } from './results';

const badToken = (token: string) =>
  new AwsError('ValidationException', `NextToken must be one that the previous page gave, got '${token}'`);

/** Returns the number of a token's page. */
export function pageOf(result: StoredResult, token: string | undefined): number {
  if (token === undefined) return 0;
  const page = /^\d{1,9}$/.test(token) ? Number(token) : 0;
  if (page === 0 || page >= result.pages.length - 1) throw badToken(token);
  return page;
}

/** The response of GetStatementResult and GetStatementResultV2. */
export function resultPage(result: StoredResult, page: number, rows: readonly Field[][], format: ResultFormat) {
  return {
    ColumnMetadata: result.columns.map(columnMetadata),
    Records: format === 'JSON' ? rows : [{ CSVRecords: rows.map(csvLine).join('') }],
    ...(format === 'CSV' && { ResultFormat: format }),
    TotalNumRows: result.rows,
    NextToken: page < result.pages.length - 2 ? String(page + 1) : undefined,
  };
}

/**
 * Formats a row as a line of CSV. There is no header, because the metadata names the columns. A value with a comma, a
 * quote or a line end is quoted. NULL is empty, and an empty text is quoted. AWS documents only that the format is CSV.
 */
const csvLine = (row: readonly Field[]): string => `${row.map(csvValue).join(',')}\r\n`;

function csvValue(field: Field): string {
  if ('isNull' in field) return '';
  const value = String(Object.values(field)[0]);
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** Returns one page of a list, which starts after the token's item. */
export function listPage<T, R>(
  items: readonly T[],
  keyOf: (item: T) => string,
  size: number,
  token: string | undefined,
  answer: (page: readonly T[], nextToken: string | undefined) => R,
): R {
  const start = token === undefined ? 0 : items.findIndex((item) => keyOf(item) === token) + 1;
  if (token !== undefined && start === 0) throw badToken(token);
  const page = items.slice(start, start + size);
  return answer(page, start + size < items.length ? keyOf(page.at(-1)!) : undefined);
}
