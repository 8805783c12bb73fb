import { idOf } from '../sql/object-ids';
import { database } from './catalog-parts';
import { literal } from './database';
import {
  bigint,
  boolean,
  char,
  columns,
  integer,
  type SystemView,
  systemSchema,
  text,
  timestamp,
} from './system-parts';

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

/** An open session, with the statement that it runs. */
export interface OpenSession {
  readonly pid: number;
  readonly userId: number;
  readonly user: string;
  readonly startMs: number;
  /** The statement that runs, or the last one that ran. */
  text?: string;
  queryStartMs?: number;
  runs?: boolean;
}

/** Most statements that are kept. All are lost when the warehouse stops. */
const most = 1000;
/** Longest text of a statement that the view of sessions shows. */
const mostText = 4000;

/** The last statements of a warehouse and its open sessions, for the system views of them. */
export class QueryHistory {
  private readonly queries: PastQuery[] = [];
  private readonly sessions = new Map<number, OpenSession>();

  opened(session: OpenSession): void {
    this.sessions.set(session.pid, session);
  }

  closed(pid: number): void {
    this.sessions.delete(pid);
  }

  begins(pid: number, text: string, queryStartMs: number): void {
    const session = this.sessions.get(pid);
    if (session) Object.assign(session, { text: text.slice(0, mostText), queryStartMs, runs: true });
  }

  add(query: PastQuery): void {
    const session = this.sessions.get(query.pid);
    if (session) session.runs = false;
    this.queries.push(query);
    if (this.queries.length > most) this.queries.shift();
  }

  /** DuckDB relation of the statements, as JSON objects. */
  get rows(): string {
    return rowsOf(this.queries);
  }

  /** DuckDB relation of the open sessions, as JSON objects. */
  get sessionRows(): string {
    return rowsOf([...this.sessions.values()]);
  }
}

const rowsOf = (objects: readonly object[]) =>
  `(select unnest(json_extract(${literal(JSON.stringify(objects))}, '$[*]')) as q)`;

/** Placeholders for the statements and the sessions in the query of a view. */
const historyMark = '/* past queries */';
const sessionsMark = '/* open sessions */';

const own = `((q->>'$.userId')::integer = getvariable('millrace_user_id') or getvariable('millrace_superuser'))`;
const userName = `(select u.name from ${systemSchema}.objects as u where u.kind = 'user' and (u.body->>'$.id')::integer = (q->>'$.userId')::integer)`;
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
  [
    'stv_sessions',
    {
      inline: true,
      columns: columns({
        starttime: timestamp,
        process: integer,
        user_name: char(50),
        db_name: char(50),
        timeout_sec: integer,
      }),
      query: `select ${moment('startMs')} as starttime, (q->>'$.pid')::integer as process, (q->>'$.user') as user_name, ${database} as db_name,
        0 as timeout_sec from ${sessionsMark} where ${own}`,
    },
  ],
  [
    'stv_recents',
    {
      inline: true,
      columns: columns({
        userid: integer,
        status: char(20),
        starttime: timestamp,
        duration: integer,
        user_name: char(50),
        db_name: char(50),
        query: char(600),
        pid: integer,
      }),
      query: `select (q->>'$.userId')::integer as userid, 'Running' as status, ${moment('queryStartMs')} as starttime,
        (epoch_ms(getvariable('millrace_statement_now')::timestamp) - (q->>'$.queryStartMs')::bigint)::integer * 1000 as duration, (q->>'$.user') as user_name,
        ${database} as db_name, left(q->>'$.text', 600) as query, (q->>'$.pid')::integer as pid from ${sessionsMark} where ${own} and (q->>'$.runs') = 'true'
        union all select (q->>'$.userId')::integer, 'Done', ${moment('startMs')}, ${elapsed}::integer, ${userName}, ${database}, left(q->>'$.text', 600), -1
        from ${historyMark} where ${own}`,
    },
  ],
  // A regular user sees all sessions, and the text of its own statements.
  [
    'pg_stat_activity',
    {
      inline: true,
      columns: columns({
        datid: integer,
        datname: text(),
        procpid: integer,
        usesysid: integer,
        usename: text(),
        current_query: text(65_535),
        query_start: { name: 'timestamptz' },
      }),
      query: `select ${idOf('database', database)} as datid, ${database} as datname, (q->>'$.pid')::integer as procpid, (q->>'$.userId')::integer as usesysid,
        (q->>'$.user') as usename, case when not ${own} then null when (q->>'$.runs') = 'true' then (q->>'$.text') else '<IDLE>' end as current_query,
        case when ${own} then timezone('UTC', ${moment('queryStartMs')}) end as query_start from ${sessionsMark}`,
    },
  ],
];

/** Returns a view's query with the statements and the sessions of a warehouse in it. */
export const withHistory = (query: string, history: () => Pick<QueryHistory, 'rows' | 'sessionRows'>): string =>
  query.replace(historyMark, () => history().rows).replace(sessionsMark, () => history().sessionRows);
