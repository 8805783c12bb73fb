import type { ItemColumn } from '../../lambda/export/contract';
import { identifier } from '../text/identifier';

/**
 * SQL for a text of 1 to 38 digits that differs if any row differs, whatever the order of the rows: the sum of 60
 * bits of each row's digest. Each column is digested by itself, so that a row may be longer than Redshift's longest
 * text.
 * @param text SQL for the text of a column of the relation `exported`
 */
export function fingerprint(columns: readonly ItemColumn[], text: (column: ItemColumn) => string = textOf): string {
  const digests = columns.map((column) => `coalesce(md5(${text(column)}), '-')`);
  return `coalesce(sum(strtol(left(md5(${digests.join(' || ')}), 15), 16)), 0)::varchar(64)`;
}

/** SQL for the text of a column of `exported` by which values differ. */
export function textOf({ name, type }: ItemColumn): string {
  const column = `exported.${identifier(name)}`;
  if (/^(var)?char/.test(type)) return column;
  // Redshift does not cast booleans to text.
  if (type === 'boolean') return `case when ${column} then 't' when not ${column} then 'f' end`;
  if (type === 'super') return `json_serialize(${column})`;
  // Redshift's text of a double is rounded for people. Six decimals tell values apart, whole millions tell large
  // values apart.
  if (/^(real|double)/.test(type))
    return `case when abs(${column}) < 1000000000000 then floor(${column} * 1000000)::bigint::varchar when abs(${column}) < 1000000000000000000000000 then floor(${column} / 1000000)::bigint::varchar when ${column} is not null then 'large' end`;
  if (type.startsWith('varbyte')) return `to_hex(${column})`;
  return `${column}::varchar`;
}
