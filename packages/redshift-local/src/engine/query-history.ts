import { literal } from './database';
import { bigint, boolean, char, columns, integer, type SystemView, timestamp } from './system-parts';

/** A statement that has ended. */
export interface PastQuery {
  readonly queryId: number;
  readonly transactionId: number;
  readonly userId: number;
  readonly pid: number;
  readonly label: string;
  readonly text: string;
  readonly status: 'success' | 'failed' | 'canceled';
  readonly error: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly rows: number;
}

/** Most statements that are kept. All are lost when the warehouse stops. */
const most = 1000;

/** The last statements of a warehouse, for SYS_QUERY_HISTORY and STL_QUERY. */
export class QueryHistory {
  private readonly queries: PastQuery[] = [];

  add(query: PastQuery): void {
    this.queries.push(query);
    if (this.queries.length > most) this.queries.shift();
  }

  /** DuckDB relation of the statements, as JSON objects. */
  get rows(): string {
    return `(select unnest(json_extract(${literal(JSON.stringify(this.queries))}, '$[*]')) as q)`;
  }
}

/** Placeholder for the statements in the query of a view. */
export const historyMark = '/* past queries */';

const own = `((q->>'$.userId')::integer = getvariable('millrace_user_id') or getvariable('millrace_superuser'))`;
const moment = (name: string) => `make_timestamp((q->>'$.${name}')::bigint * 1000)`;
const elapsed = `((q->>'$.endMs')::bigint - (q->>'$.startMs')::bigint) * 1000`;
const type = `case regexp_extract(upper(trim(q->>'$.text')), '^[A-Z]+') when 'SELECT' then 'SELECT' when 'WITH' then 'SELECT' when 'INSERT' then 'INSERT' when 'UPDATE' then 'UPDATE'
  when 'DELETE' then 'DELETE' when 'MERGE' then 'MERGE' when 'COPY' then 'COPY' when 'UNLOAD' then 'UNLOAD' when 'CREATE' then 'DDL' when 'ALTER' then 'DDL'
  when 'DROP' then 'DDL' when 'TRUNCATE' then 'DDL' when 'REFRESH' then 'REFRESH' when 'SET' then 'UTILITY' else 'OTHER' end`;

export const queryViews: readonly (readonly [name: string, view: SystemView])[] = [
  [
    'sys_query_history',
    {
      inline: true,
      columns: columns({
        user_id: integer,
        query_id: bigint,
        query_label: char(320),
        transaction_id: bigint,
        session_id: integer,
        database_name: char(128),
        query_type: char(32),
        status: char(10),
        result_cache_hit: boolean,
        start_time: timestamp,
        end_time: timestamp,
        elapsed_time: bigint,
        execution_time: bigint,
        error_message: char(512),
        returned_rows: bigint,
        query_text: char(4000),
      }),
      query: `select (q->>'$.userId')::integer as user_id, (q->>'$.queryId')::bigint as query_id, (q->>'$.label') as query_label, (q->>'$.transactionId')::bigint as transaction_id,
        (q->>'$.pid')::integer as session_id, getvariable('millrace_database')::varchar as database_name, ${type} as query_type, (q->>'$.status') as status, false as result_cache_hit,
        ${moment('startMs')} as start_time, ${moment('endMs')} as end_time, ${elapsed} as elapsed_time, ${elapsed} as execution_time, left(q->>'$.error', 512) as error_message,
        (q->>'$.rows')::bigint as returned_rows, left(q->>'$.text', 4000) as query_text from ${historyMark} where ${own}`,
    },
  ],
  [
    'stl_query',
    {
      inline: true,
      columns: columns({
        userid: integer,
        query: integer,
        label: char(320),
        xid: bigint,
        pid: integer,
        database: char(32),
        querytxt: char(4000),
        starttime: timestamp,
        endtime: timestamp,
        aborted: integer,
      }),
      query: `select (q->>'$.userId')::integer as userid, (q->>'$.queryId')::integer as query, case when (q->>'$.label') = '' then 'default' else (q->>'$.label') end as label,
        (q->>'$.transactionId')::bigint as xid, (q->>'$.pid')::integer as pid, getvariable('millrace_database')::varchar as database, left(q->>'$.text', 4000) as querytxt,
        ${moment('startMs')} as starttime, ${moment('endMs')} as endtime, case when (q->>'$.status') = 'success' then 0 else 1 end as aborted from ${historyMark} where ${own}`,
    },
  ],
];

/** Returns a view's query with the statements of a warehouse in it. */
export const withHistory = (query: string, rows: () => string): string => query.replace(historyMark, rows);
