import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { tombstoneField } from '../../lambda/shared/tombstone';
import type { ResolvedColumn, ResolvedPipeline } from '../resolve';
import { forgottenFilter } from '../tables/forgotten';
import { whiteSpace } from '../typing/column';
import { payloadPath, stringOf } from '../typing/part';

/**
 * Records of subjects that were forgotten. They become neither events nor rejects, wherever they come from. Each becomes
 * a row of `skipped` without its payload, like a record that is older than the retention: see `expired.ts`. In
 * `incoming` they have this reason. No reason of a reject is equal to it.
 */
export const forgottenReason = quoteLiteral(forgottenFilter);

/** SQL condition on `incoming`: the record is of a forgotten subject. Undefined if the pipeline has no subjects. */
export const isForgottenRecord = ({ subject }: ResolvedPipeline): string | undefined =>
  subject.length === 0 ? undefined : `reason = ${forgottenReason}`;

/**
 * Gives the reason to the tombstones in `incoming`, and to the records whose subject has a mark, whether they are valid or
 * not. One statement for each column, since Redshift plans an IN with a subquery as a join only outside of an OR. Without a
 * mark the first condition is false, and no digest is computed. The keys are parameters of the Data API: see
 * lambda/shared/forget-keys.ts.
 */
export function forgottenStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { forgotten } = pipeline.tables;
  return pipeline.subject.map((column, index) => {
    const mark = markExpression(column, subjectText(column, column.sql.name));
    // A statement less, since their number is limited: a tombstone has a mark of its own. It is there only beside others, so
    // that the local warehouse, too, computes no digest without them: it does so if the list is empty.
    const [given, marks] =
      index > 0
        ? [mark, `select mark from ${forgotten}`]
        : [
            `case when ${isTombstone} then ${tombstoneMark} else ${mark} end`,
            `select mark from ${forgotten} union all select distinct ${tombstoneMark} from ${forgotten}`,
          ];
    return `update ${pipeline.temporary.incoming}
set reason = ${forgottenReason}, reasons = null, event_id = null
where ${hasMarks(pipeline)}
  and ${given} in (${marks})`;
  });
}

const tombstoneMark = "'tombstone'";

const hasMarks = ({ tables: { forgotten } }: ResolvedPipeline) => `(select count(*) from ${forgotten}) > 0`;

const tombstoneValue = payloadPath([tombstoneField]);

/** SQL condition on records with a `payload`: the record has the form of a tombstone. */
const isTombstone = `case when is_boolean(${tombstoneValue}) then json_serialize(${tombstoneValue}) end = 'true'`;

/**
 * SQL condition on records with a `payload`, which is not null: the record is a tombstone, which a rewritten object has in
 * place of a forgotten record. Without a mark none is. Undefined if the pipeline has no subjects.
 */
export const tombstoneCondition = (pipeline: ResolvedPipeline): string | undefined =>
  pipeline.subject.length === 0 ? undefined : `${hasMarks(pipeline)} and coalesce(${isTombstone}, false)`;

/** SQL for the subject of an event, which `of` names: the typed value, or else the one in the payload. */
export const subjectText = (column: ResolvedColumn, name: string, of = ''): string =>
  `coalesce(${of}${name}::varchar(65535), ${payloadText(column, of)})`;

/**
 * SQL that joins events to the marks of their subjects, and the condition that none of these is there. A mark is in the
 * table once. Both are empty if the pipeline has no subjects.
 * @param of the name of the events with its point
 */
export function withoutMark({ subject, tables }: ResolvedPipeline, of: string): { joins: string; condition: string } {
  const names = subject.map((_, index) => `m${index}`);
  const joins = subject.map(
    (column, index) => `
      left join ${tables.forgotten} m${index} on m${index}.mark = ${markExpression(column, subjectText(column, column.sql.stored, of))}`,
  );
  return { joins: joins.join(''), condition: names.map((name) => ` and ${name}.mark is null`).join('') };
}

/**
 * SQL for the mark of a subject: a keyed digest of `<column>=<value>`. It is the nested construction of HMAC with two
 * keys of its own, since Redshift has neither HMAC nor a way to join bytes. Each key is 64 characters, a block of SHA-256.
 * @param value SQL for the subject's text
 */
export const markExpression = ({ name }: ResolvedColumn, value: string): string =>
  `sha2(${outerKey} || sha2(${innerKey} || ${quoteLiteral(`${name}=`)} || ${value}, 256), 256)`;

const innerKey = 'cast(:forget_inner as varchar(64))';
const outerKey = 'cast(:forget_outer as varchar(64))';

/**
 * The statements by which a deployment finds out whether the keys can be read, and whether the Data API finds its parameters
 * beside casts and texts with a colon, as in a merge. Without them only the merges would fail.
 */
export const proofOfKeys: readonly StatementTemplate[] = [
  "select 'a:b'::varchar(3)",
  `select sha2(${outerKey} || ${innerKey}, 256), 'a:b'::varchar(3)`,
];

/**
 * SQL for the subject in a payload, spelled as the column would spell it: without the blanks that it trims, and an integer
 * without `.0`.
 */
export function payloadText(column: ResolvedColumn, of = ''): string {
  const part = `${of}${payloadPath(column.path)}`;
  const text = stringOf(part, (string) => (column.trim ? `btrim(${string}, ${whiteSpace})` : string));
  const number = `json_serialize(${part})`;
  const integer = `case when ${number} ~ '^-?[0-9]+[.]0+$' then split_part(${number}, '.', 1) else ${number} end`;
  const spelled = column.type === 'varchar' ? number : integer;
  return `case when json_typeof(${part}) = 'number' then ${spelled} else ${text} end`;
}
