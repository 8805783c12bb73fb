import type { SearchPlan, StatementTemplate } from '../../lambda/shared/plan';
import type { BatchSearch } from '../../lambda/warehouse-object/contract';
import { quoteIdentifier } from '../text/identifier';
import type { TypingTables } from './typed-rows';

/** The temporary tables of a search for rows that raise. */
export function searchTables({ name }: { readonly name: string }) {
  return {
    /** The gathered rows, unchanged, each with `row_key`. */
    searched: `${name}_searched`,
    /** The gathered rows that lie in the searched ranges, with their `piece`. */
    pieces: `${name}_pieces`,
    /**
     * Prefix of the tables of typed rows. The number of the piece follows, and the number of the table if a piece has
     * several.
     */
    probe: `${name}_probe_`,
  };
}

/** The key of a row with a position. Sequence numbers are padded to one width, so that they compare as texts. */
export const positionKey = "shard_id || ':' || lpad(sequence_number, 128, '0')";

/** The keys that the placeholder `raised` lists, as a relation with `row_key` and `reason`. */
export const raisedQuery = `select r."key"::varchar(256) as row_key, r."reason"::varchar(512) as reason
  from (select json_parse({{raised}}) as list) as given, given.list as r`;

/** Most statements that the Data API takes in one batch. */
const maxStatements = 40;
/** More pieces make each division cost more statements and save hardly any divisions. */
const maxFanout = 30;
const minFanout = 4;
/**
 * Most characters of a batch. A statement may have 200 kB; for a batch no limit is documented. So a batch stays below
 * 200 kB, unless the pipeline has so many columns that even four pieces exceed it.
 */
const maxBatchLength = 180_000;

interface SearchOptions {
  readonly gather: readonly StatementTemplate[];
  readonly reference?: readonly StatementTemplate[];
  /** Columns of the rows, without `row_key`. */
  readonly columns: readonly string[];
  /** The statements that type the rows of the query `from`. Each makes one of the tables. */
  readonly typed: (tables: TypingTables, from: string) => readonly StatementTemplate[];
}

/**
 * Compiles the search for rows that make typing raise: see `SearchPlan`. Its batches commit statement by statement in
 * one session, so each statement finds the temporary tables of those before it.
 */
export function searchPlan(
  pipeline: { readonly name: string },
  { gather, reference, columns, typed }: SearchOptions,
): SearchPlan {
  const { pieces } = searchTables(pipeline);
  const probe = typed(typedTable, `select ${columns.join(', ')}\nfrom ${pieces}\nwhere piece = {{piece}}::int`);
  return { gather, ...(reference ? { reference } : {}), probe, ...divisions(pipeline, gather, probe) };
}

/** Placeholder for the table that a typing statement makes. */
export const typedTable: TypingTables = (number) => `{{${tableValue(number)}:identifier}}`;
const tableValue = (number: number) => (number === 0 ? 'probe_table' : `probe_table_${number}`);

/** The rows that a typing statement of a batch reads; the table and the piece are placeholders. */
export const pieceOf = (columns: readonly string[]) =>
  `select ${columns.join(', ')}\nfrom {{rows_table:identifier}}\nwhere {{piece_column:identifier}} = {{piece}}::bigint`;
/** The column of the gathered rows that is 0 for rows that the batch types. */
export const batchPiece = quoteIdentifier('batch piece');

interface BatchSearchOptions {
  readonly batch: readonly StatementTemplate[];
  /** Indexes of the statements that gather the rows. The last of them makes `searched`. */
  readonly gather: readonly number[];
  /** Indexes of the statements that type the rows with `typedTable` and `pieceOf`. */
  readonly probe: readonly number[];
  /** The tables that the typing statements make in a batch, numbered as in `TypingTables`. */
  readonly tables: readonly string[];
  /** Statements that replace the gathered rows by one row without attributes. */
  readonly reference: readonly StatementTemplate[];
}

/** Compiles the search for a batch that gathers and types the rows itself. */
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

/**
 * The number of pieces that fit into a batch besides gathering, dividing, counting, the piece of all other rows and
 * one empty piece.
 */
function fanoutOf(before: readonly StatementTemplate[], probe: readonly StatementTemplate[]): number {
  const places = Math.floor((maxStatements - before.length - 1) / probe.length) - 2;
  const room = Math.floor((maxBatchLength - before.join('').length) / probe.join('').length) - 1;
  return Math.min(places, Math.max(minFanout, Math.min(maxFanout, room)));
}
