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

/** A shape whose events are inside their records. */
export type Unwrap = RecordShape & { readonly unwrap: readonly string[] };

/** Undefined if a record is an event. */
export const unwrapOf = (records: RecordShape | undefined): Unwrap | undefined =>
  records?.unwrap === undefined ? undefined : { ...records, unwrap: records.unwrap };

/** Longest text whose JSON is parsed, in bytes. */
const maxTextBytes = 65_535;

const ownColumns = ['source', ...placeColumns, 'refresh_time'];

/**
 * SQL for the events in a relation that has the columns of a merge. It adds `envelopeProblem`. A row without an event
 * keeps its whole payload, and an element without an event keeps the element. The relation is read twice if records hold arrays.
 * @param rows a table, or a query in parentheses without a name
 * @param more further columns of the relation, which the result keeps
 */
export function unwrappedRows({ unwrap, base64 = false }: Unwrap, rows: string, more: readonly string[] = []): string {
  const kept = [...ownColumns, ...more];
  const each = unwrap.indexOf(eachElement);
  const [before, after] = each < 0 ? [[], unwrap] : [unwrap.slice(0, each), unwrap.slice(each + 1)];
  const elements = each < 0 ? wholeRows(rows, kept) : elementRows(rows, kept, before);
  const found = `select *, ${navigated('element', after)} as wrapped\nfrom (\n${indent(elements)}\n) as elements`;
  const parsed = `select *, case when is_varchar(wrapped) then ${parsedText('wrapped', base64)} else wrapped end as event\nfrom (\n${indent(found)}\n) as found`;
  const isThere = "coalesce(json_typeof(event), 'null') <> 'null'";
  const [ofText, ofNothing] = problemsOf(unwrap, base64);
  const [ofElementText, ofElementNothing] = elementProblemsOf(after, base64);
  const elementLines =
    each < 0
      ? ''
      : `
    when is_element = 1 and is_varchar(wrapped) then ${quoteLiteral(ofElementText)}
    when is_element = 1 then ${quoteLiteral(ofElementNothing)}`;
  return `select
  ${kept.join(', ')},
  case when ${isThere} then event${each < 0 ? '' : ' when is_element = 1 then element'} else payload end as payload, unparsed,
  case
    when unparsed is not null or ${isThere} then null${elementLines}
    when is_varchar(wrapped) then ${quoteLiteral(ofText)}
    else ${quoteLiteral(ofNothing)}
  end as ${envelopeProblem}
from (
${indent(parsed)}
) as parsed`;
}

const unparsable = (base64: boolean) =>
  `is not ${base64 ? 'base64 of JSON' : 'JSON'}, or is longer than ${maxTextBytes} bytes`;

/** The problems of a record without an event: a text that cannot be parsed, and nothing. */
function problemsOf(unwrap: readonly string[], base64: boolean): readonly [text: string, nothing: string] {
  const at = unwrap.map((name) => (name === eachElement ? 'an element' : name)).join('.');
  return [`payload: the text at ${at} ${unparsable(base64)}`, `payload: nothing at ${at}`];
}

/** Prefix of the problems of an element without an event, whose siblings may be events. No column has such a name. */
export const elementProblem = 'payload: an element ';

function elementProblemsOf(after: readonly string[], base64: boolean): readonly [text: string, nothing: string] {
  const at = after.join('.');
  return at === ''
    ? [`${elementProblem}is a text that ${unparsable(base64)}`, `${elementProblem}is null`]
    : [`${elementProblem}has a text at ${at} that ${unparsable(base64)}`, `${elementProblem}has nothing at ${at}`];
}

const navigated = (from: string, path: readonly string[]) =>
  [from, ...path.map((name) => quoteIdentifier(name))].join('.');

const wholeRows = (rows: string, kept: readonly string[]) =>
  `select ${kept.join(', ')}, payload, unparsed, payload as element\nfrom ${rows} r`;

/**
 * SQL for one row per element of an array. The first element has the position of the record, so that a record
 * that is read again is recognized. The sequence number of each other element ends in a point and its index.
 */
function elementRows(rows: string, kept: readonly string[], path: readonly string[]): string {
  const list = (of: string) => navigated(`${of}payload`, path);
  const numbered = "case when i > 0 then r.sequence_number || '.' || i::varchar(20) else r.sequence_number end";
  const items = kept.map((name) => (name === 'sequence_number' ? `${numbered} as sequence_number` : `r.${name}`));
  return `select ${items.join(', ')}, r.payload, r.unparsed, e as element, 1 as is_element
from ${rows} r, ${list('r.')} e at i
where is_array(${list('r.')})
union all
select ${kept.map((name) => `r.${name}`).join(', ')}, r.payload, r.unparsed, null::super as element, 0 as is_element
from ${rows} r
where not coalesce(is_array(${list('r.')}) and get_array_length(${list('r.')}) > 0, false)`;
}

function parsedText(of: string, base64: boolean): string {
  if (base64) return parsedExpression(decodedText(of));
  const text = `${of}::varchar(${maxTextBytes})`;
  return `case when json_size(${of}) <= ${maxTextBytes} and can_json_parse(${text}) then json_parse(${text}) end`;
}
