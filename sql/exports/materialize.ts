import type { ItemColumn } from '../../lambda/export/contract';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { ExportDefinition } from '../../pipelines/definition';
import { quoteIdentifier } from '../text/identifier';
import { indent } from '../text/indent';
import { withoutComments } from '../text/tokens';

/** 256 MB, Materialize's own default. */
const defaultMaxFileMb = 256;
const megabyte = 1_000_000;

/** Statements in Materialize's SQL. The definition has to be valid. */
export function materializeStatements(definition: ExportDefinition) {
  const { format, content } = definition;
  const columns = materializeColumns(definition);
  const names = columns.map(({ name }) => `exported.${quoteIdentifier(name)}`).join(', ');
  const from = `from (\n${indent(withoutComments(definition.query))}\n) as exported`;
  const time = content.kind === 'incremental' ? `exported.${quoteIdentifier(content.timeColumn)}` : '';
  const where =
    content.kind === 'incremental'
      ? `\nwhere ${time} >= {{window_start}}::timestamp and ${time} < {{window_end}}::timestamp`
      : '';
  const options = [
    'aws connection = {{connection:identifier}}',
    `format = ${quoteLiteral(format.kind)}`,
    `max file size = ${(format.maxFileMb ?? defaultMaxFileMb) * megabyte}`,
  ];
  const step = content.kind === 'incremental' && typeof content.window === 'string' ? content.window : 'minute';
  return {
    ...(time === '' ? {} : { windows: windowsOf(`date_trunc('${step}', ${time})`, from, fingerprint(columns)) }),
    shape: `select ${names}\n${from}\nlimit 0`,
    count: `select count(*) as row_count, ${fingerprint(columns)} as fingerprint\n${from}${where}`,
    unload: `copy (\n${indent(`select ${names}\n${from}${where}`)}\n) to {{target}}\nwith (${options.join(', ')})`,
  };
}

/** Rows and their fingerprints by window, or by minute if a window has minutes: both are sums. */
const windowsOf = (start: string, from: string, digits: string) =>
  `select ${start} as window_start, count(*) as row_count, ${digits} as fingerprint\n${from}\ngroup by 1`;

export const materializeColumns = ({ columns = [] }: ExportDefinition): ItemColumn[] =>
  columns.map(({ name, type }) => ({ name, type }));

/**
 * SQL for a number that differs if any row differs, whatever the order of the rows: the sum of 48 bits of each row's
 * digest. Each column is digested by itself, so that no two rows give the same text.
 */
function fingerprint(columns: readonly ItemColumn[]): string {
  const texts = columns.map(({ name }) => `coalesce(md5(exported.${quoteIdentifier(name)}::text), '-')`);
  const row = `digest(${texts.join(' || ')}, 'md5')`;
  const bytes = [0, 1, 2, 3, 4, 5].map((i) => `get_byte(${row}, ${i})::numeric * ${256 ** (5 - i)}`);
  return `coalesce(sum(${bytes.join(' + ')}), 0)::text`;
}
