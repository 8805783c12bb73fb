import { quoteLiteral } from '../../lambda/shared/quote';
import type { RecordShape } from '../../pipelines/definition';
import { placeColumns } from '../tables/columns';
import { quoteIdentifier } from '../text/identifier';
import { indent } from '../text/indent';
import { decodedText, parsedExpression } from './parsing';

/** The path step that means each element of an array. */
export const eachElement = '*';

/** The column with the problem of a row's envelope. No column of a pipeline can have this name. */
export const envelopeProblem = quoteIdentifier('envelope problem');

/** Longest text whose JSON is parsed, in bytes. */
const maxTextBytes = 65_535;

const kept = ['source', ...placeColumns, 'refresh_time'];

/**
 * SQL for the events in a relation that has the columns of a merge. It adds `envelopeProblem`. A row without an event
 * keeps its whole payload. The relation is read twice if records hold arrays.
 * @param rows a table, or a query in parentheses with a name
 */
export function unwrappedRows({ unwrap, base64 = false }: RecordShape, rows: string): string {
  const each = unwrap.indexOf(eachElement);
  const [before, after] = each < 0 ? [[], unwrap] : [unwrap.slice(0, each), unwrap.slice(each + 1)];
  const elements = each < 0 ? wholeRows(rows) : elementRows(rows, before);
  const at = unwrap.map((name) => (name === eachElement ? 'an element' : name)).join('.');
  const found = `select *, ${navigated('element', after)} as wrapped\nfrom (\n${indent(elements)}\n) as elements`;
  const parsed = `select *, case when is_varchar(wrapped) then ${parsedText('wrapped', base64)} else wrapped end as event\nfrom (\n${indent(found)}\n) as found`;
  const isThere = "coalesce(json_typeof(event), 'null') <> 'null'";
  const expected = base64 ? 'base64 of JSON' : 'JSON';
  return `select
  ${kept.join(', ')},
  case when ${isThere} then event else payload end as payload, unparsed,
  case
    when unparsed is not null or ${isThere} then null
    when is_varchar(wrapped) then ${quoteLiteral(`payload: the text at ${at} is not ${expected}, or is longer than ${maxTextBytes} bytes`)}
    else ${quoteLiteral(`payload: nothing at ${at}`)}
  end as ${envelopeProblem}
from (
${indent(parsed)}
) as parsed`;
}

const navigated = (from: string, path: readonly string[]) =>
  [from, ...path.map((name) => quoteIdentifier(name))].join('.');

const wholeRows = (rows: string) => `select ${kept.join(', ')}, payload, unparsed, payload as element\nfrom ${rows}`;

/**
 * SQL for one row per element of an array. The first element has the position of the record, so that a record
 * that is read again is recognized. The sequence number of each other element ends in a point and its index.
 */
function elementRows(rows: string, path: readonly string[]): string {
  const list = (of: string) => navigated(`${of}payload`, path);
  const numbered = "case when i > 0 then r.sequence_number || '.' || i::varchar(20) else r.sequence_number end";
  const items = kept.map((name) => (name === 'sequence_number' ? `${numbered} as sequence_number` : `r.${name}`));
  return `select ${items.join(', ')}, r.payload, r.unparsed, e as element
from ${rows} r, ${list('r.')} e at i
where is_array(${list('r.')})
union all
select ${kept.map((name) => `r.${name}`).join(', ')}, r.payload, r.unparsed, null::super as element
from ${rows} r
where not coalesce(is_array(${list('r.')}) and get_array_length(${list('r.')}) > 0, false)`;
}

function parsedText(of: string, base64: boolean): string {
  if (base64) return parsedExpression(decodedText(of));
  const text = `${of}::varchar(${maxTextBytes})`;
  return `case when json_size(${of}) <= ${maxTextBytes} and can_json_parse(${text}) then json_parse(${text}) end`;
}
