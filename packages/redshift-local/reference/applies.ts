import type { Edge } from 'redshift-conformance';

export interface Item {
  readonly group: 'statements' | 'types' | 'functions' | 'operators' | 'casts';
  /** `MERGE`, `type varchar`, `upper`, `between`, `varchar -> date`. */
  readonly name: string;
}

/** Why an item does not have an edge: what it does. */
export const otherwise: Readonly<Record<Edge, string>> = {
  null: 'takes no argument',
  empty: 'reads no text, JSON or rows that could be empty',
  overflow: 'makes nothing larger than what it is given',
  type: 'takes any type, or no argument',
  unicode: 'reads no text',
  leap: 'reads no date',
};

/** Items by the edges that they have. Whoever adds one to the allow-list adds it here. */
type Table = readonly (readonly [edges: string, items: string])[];

const functions: Table = [
  ['', 'current_database current_date current_schema current_user getdate pg_last_copy_id pg_last_unload_count pi'],
  ['', 'session_user sysdate user version pg_backend_pid current_setting'],
  [
    'null empty type unicode',
    'ascii btrim char_length character_length charindex len length ltrim octet_length textlen',
  ],
  ['null empty type unicode', 'position reverse rtrim split_part strpos translate trim md5 sha1 func_sha1 sha2'],
  ['null empty type unicode', 'regexp_count regexp_instr regexp_substr from_varbyte to_varbyte'],
  [
    'null empty overflow type unicode',
    'concat initcap left lower lpad quote_ident quote_literal regexp_replace repeat replace replicate right rpad',
  ],
  ['null empty overflow type unicode', 'strtol substr substring upper'],
  ['null overflow type unicode', 'chr'],
  ['null overflow type', 'abs ceil ceiling degrees exp floor pow power round'],
  ['null type', 'cbrt ln log mod radians sign sqrt'],
  ['null overflow type leap', 'trunc add_months date_add date_diff dateadd datediff'],
  ['null type leap', 'convert_timezone date_part date_trunc extract last_day months_between'],
  ['null empty type unicode leap', 'date'],
  ['null type leap', 'timezone'],
  ['null empty type unicode', 'array_concat array_flatten split_to_array'],
  ['null empty type', 'subarray is_utf8 bit_and bit_or'],
  ['null type', 'to_hex'],
  ['null empty type unicode leap', 'hll grouping'],
  ['', 'current_timestamp now'],
  ['null empty type unicode leap', 'to_char to_date to_timestamp'],
  ['null empty type unicode', 'to_number'],
  ['null type leap', 'next_day'],
  [
    'null empty type unicode',
    'array can_json_parse get_array_length is_array is_boolean is_object is_scalar is_varchar',
  ],
  ['null empty type unicode', 'is_valid_json is_valid_json_array json_array_length json_extract_path_text json_parse'],
  ['null empty type unicode', 'json_size json_typeof object'],
  ['null empty overflow type unicode', 'json_extract_array_element_text json_serialize'],
  ['null empty type unicode leap', 'coalesce decode greatest least nullif nvl nvl2 any_value count max min'],
  ['null empty overflow type', 'avg sum stddev stddev_pop stddev_samp var_pop var_samp variance ntile ratio_to_report'],
  ['null empty type', 'bool_and bool_or median percentile_cont percentile_disc'],
  ['null empty overflow type unicode', 'listagg'],
  ['null empty type unicode leap', 'cume_dist dense_rank percent_rank rank row_number first_value last_value'],
  ['null empty overflow type unicode leap', 'lag lead nth_value'],
];

const operators: Table = [
  ['null overflow type leap', '+ -'],
  ['null overflow type', '* / minus_sign'],
  ['null type', '% and or not is_true is_false is_unknown'],
  ['null empty overflow type unicode', '|| path'],
  ['null empty type unicode leap', '= <> < > <= >= in in_query between case'],
  ['null empty type unicode', 'like ilike similar_to ~'],
  ['null empty', 'is_null exists'],
  ['null empty overflow', 'subquery'],
  ['null empty overflow type leap', 'interval'],
];

const types: Table = [
  ['null overflow type', 'smallint integer bigint decimal real double_precision'],
  ['null type', 'boolean'],
  ['null empty overflow type unicode', 'char varchar'],
  ['null overflow type leap', 'date timestamp timestamptz'],
  ['null empty type unicode', 'super'],
  ['null empty overflow type', 'varbyte'],
];

/** Of a statement `empty` is what is not there, `type` another kind of object or value, `overflow` too much of it, `unicode` a name or a text. */
const statements: Table = [
  ['null empty overflow type unicode leap', 'INSERT UPDATE MERGE COPY'],
  ['null empty type unicode leap', 'DELETE SELECT UNLOAD CREATE_TABLE_AS'],
  ['empty overflow type unicode', 'CREATE_TABLE CREATE_VIEW CREATE_MATERIALIZED_VIEW ALTER_TABLE ALTER_USER'],
  ['overflow type unicode', 'CREATE_SCHEMA CREATE_USER'],
  ['empty type', 'ALTER_TABLE_APPEND ALTER_MATERIALIZED_VIEW TRUNCATE LOCK SET CREATE_EXTERNAL_SCHEMA'],
  [
    'empty type unicode',
    'DROP_TABLE DROP_VIEW DROP_MATERIALIZED_VIEW DROP_SCHEMA REFRESH_MATERIALIZED_VIEW GRANT REVOKE',
  ],
  ['empty type', 'SELECT_INTO'],
  ['empty unicode', 'DROP_USER'],
  ['empty type', 'ANALYZE VACUUM EXPLAIN'],
  ['null empty type unicode', 'COMMENT'],
  ['empty', 'RESET SHOW ALTER_DATABASE'],
  ['empty', 'ABORT BEGIN COMMIT END ROLLBACK START_TRANSACTION'],
];

const tables = { functions, operators, types, statements };

/** The edges of a cast, by its two types. */
function ofCast(from: string, to: string): string {
  const isText = (type: string) => ['varchar', 'char', 'literal'].includes(type);
  const isTime = (type: string) => ['date', 'timestamp', 'timestamptz'].includes(type);
  const digits = ['smallint', 'integer', 'bigint', 'decimal', 'real', 'double precision'];
  const narrower =
    digits.includes(to) && from !== 'boolean' && (!digits.includes(from) || digits.indexOf(to) < digits.indexOf(from));
  const read = isText(from) || from === 'super';
  return [
    'null',
    read ? 'empty' : '',
    narrower || (isText(to) && from !== 'boolean') || (read && isTime(to)) ? 'overflow' : '',
    read && !isText(to) && to !== 'super' && to !== 'varbyte' ? 'type' : '',
    read && (isText(to) || to === 'super' || to === 'varbyte') ? 'unicode' : '',
    isTime(from) || isTime(to) ? 'leap' : '',
  ].join(' ');
}

/** The edges that an item has. @throws Error for one that nobody has said them of */
export function appliesTo({ group, name }: Item): ReadonlySet<string> {
  if (group === 'casts') return new Set(ofCast(...(name.split(' -> ') as [string, string])).split(' '));
  const word = name.replace(/^type /, '').replaceAll(' ', '_');
  const found = tables[group].find(([, items]) => items.split(' ').includes(word));
  if (!found) throw new Error(`packages/redshift-local/reference/applies.ts does not say which edges ${name} has`);
  return new Set(found[0].split(' '));
}
