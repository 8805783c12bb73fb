import type { SearchPlan, StatementTemplate } from '../../lambda/shared/plan';
import type { BatchSearch } from '../../lambda/warehouse-object/contract';
import { quoteIdentifier } from '../text/identifier';
import type { TypingTables } from './typed-rows';

/** The temporary tables of a search for rows that raise. */
export function searchTables({ name }: { readonly name: string }) {
  return {
    /** The rows, untouched, each with `row_key`. */
    searched: `${name}_searched`,
    /** Those of the ranges that are searched, with `piece`. */
    pieces: `${name}_pieces`,
    /** The typed rows of a piece; its number follows, and that of the table where the piece has several. */
    probe: `${name}_probe_`,
  };
}

/** The key of a row with a position: sequence numbers compare as texts of one width. */
export const positionKey = "shard_id || ':' || lpad(sequence_number, 128, '0')";

/** Keys of rows, and in a list of placeholders, as a relation `raised` with `row_key` and `reason`. */
export const raisedQuery = `select r."key"::varchar(256) as row_key, r."reason"::varchar(512) as reason
  from (select json_parse({{raised}}) as list) as given, given.list as r`;

/** Statements that the Data API takes in one batch. */
const maxStatements = 40;
/** More pieces make each division cost more statements without needing many divisions less. */
const maxFanout = 30;
const minFanout = 4;
/**
 * Characters of a batch. A statement may have 200 kB, and no page says whether a batch may have more: so a batch of pieces stays below, unless the
 * columns are so many that four pieces exceed it.
 */
const maxBatchLength = 180_000;

interface SearchOptions {
  readonly gather: readonly StatementTemplate[];
  readonly reference?: readonly StatementTemplate[];
  /** Columns of the rows, besides `row_key`. */
  readonly columns: readonly string[];
  /** The statements that type the rows of the query `from`, each of which makes one of the tables. */
  readonly typed: (tables: TypingTables, from: string) => readonly StatementTemplate[];
}

/**
 * Finds the rows that make typing raise: see `SearchPlan`. The batches are committed statement by statement, in one session, where each statement finds
 * the temporary tables of those before it.
 */
export function searchPlan(
  pipeline: { readonly name: string },
  { gather, reference, columns, typed }: SearchOptions,
): SearchPlan {
  const { pieces } = searchTables(pipeline);
  const probe = typed(typedTable, `select ${columns.join(', ')}\nfrom ${pieces}\nwhere piece = {{piece}}::int`);
  return { gather, ...(reference ? { reference } : {}), probe, ...divisions(pipeline, gather, probe) };
}

/** In a statement that types rows: the table that it makes. */
export const typedTable: TypingTables = (number) => `{{${tableValue(number)}:identifier}}`;
const tableValue = (number: number) => (number === 0 ? 'probe_table' : `probe_table_${number}`);

/** In a statement of a batch that types rows: which rows of which table it takes. */
export const pieceOf = (columns: readonly string[]) =>
  `select ${columns.join(', ')}\nfrom {{rows_table:identifier}}\nwhere {{piece_column:identifier}} = {{piece}}::bigint`;
/** The column of the gathered rows that is 0 for those that the batch types. */
export const batchPiece = quoteIdentifier('batch piece');

interface BatchSearchOptions {
  readonly batch: readonly StatementTemplate[];
  /** Those of them that gather the rows, the last of which makes `searched`. */
  readonly gather: readonly number[];
  /** Those that type them, of `typedTable` and `pieceOf`. */
  readonly probe: readonly number[];
  /** The tables that they make in a batch, by the numbers of `TypingTables`. */
  readonly tables: readonly string[];
  /** What makes one row without attributes of the gathered ones. */
  readonly reference: readonly StatementTemplate[];
}

/** The same for a batch that gathers and types the rows itself. */
export function batchSearch(
  pipeline: { readonly name: string },
  { batch, gather, probe, tables, reference }: BatchSearchOptions,
): BatchSearch {
  const { searched, pieces } = searchTables(pipeline);
  const texts = gather.map((index) => batch[index]!);
  return {
    gather,
    probe,
    reference: [...gather, ...reference],
    ...divisions(
      pipeline,
      texts,
      probe.map((index) => batch[index]!),
    ),
    batchValues: {
      ...Object.fromEntries(tables.map((table, number) => [tableValue(number), table])),
      rows_table: searched,
      piece_column: 'batch piece',
      piece: '0',
    },
    pieceValues: { rows_table: pieces, piece_column: 'piece' },
  };
}

function divisions(
  pipeline: { readonly name: string },
  gather: readonly StatementTemplate[],
  probe: readonly StatementTemplate[],
): Pick<SearchPlan, 'divide' | 'assign' | 'pieces' | 'probeTable' | 'fanout'> {
  const { searched, pieces, probe: probeTable } = searchTables(pipeline);
  const ranges = (more = '') => `select ${more}r."first"::varchar(256) as first_key, r."last"::varchar(256) as last_key
  from (select json_parse({{ranges}}) as list) as given, given.list as r`;
  const divide = `create temp table ${pieces} as
with ranges as (
  ${ranges()}
),
ranked as (
  select s.*, dense_rank() over (order by s.row_key) as key_rank
  from ${searched} s
  inner join ranges r on s.row_key >= r.first_key and s.row_key <= r.last_key
)
select *, ((key_rank - 1) * {{fanout}}::bigint) / (select max(key_rank) from ranked) + 1 as piece
from ranked`;
  return {
    divide,
    assign: `create temp table ${pieces} as
with ranges as (
  ${ranges('r."piece"::bigint as piece, ')}
)
select s.*, coalesce(r.piece, 0) as piece
from ${searched} s
left join ranges r on s.row_key >= r.first_key and s.row_key <= r.last_key`,
    pieces: `select piece, count(*) as row_count, count(distinct row_key) as key_count, min(row_key) as first_key, max(row_key) as last_key
from ${pieces}
where piece >= 0
group by piece
order by piece`,
    probeTable,
    fanout: fanoutOf([...gather, divide], probe),
  };
}

/** As many pieces as a batch takes, beside the gathering, the division, the count, all other rows and a piece without rows. */
function fanoutOf(before: readonly StatementTemplate[], probe: readonly StatementTemplate[]): number {
  const places = Math.floor((maxStatements - before.length - 1) / probe.length) - 2;
  const room = Math.floor((maxBatchLength - before.join('').length) / probe.join('').length) - 1;
  return Math.min(places, Math.max(minFanout, Math.min(maxFanout, room)));
}
