/** The result type of a function by the types of its arguments, as far as they are known. */
type ResultOf = (arguments_: readonly (string | undefined)[]) => string | undefined;

const always =
  (type: string): ResultOf =>
  () =>
    type;
const first: ResultOf = ([type]) => type;
const firstKnown: ResultOf = (types) => types.find((type) => type !== undefined);
const second: ResultOf = ([, type]) => type;

const sum: ResultOf = ([type]) => {
  if (type === undefined) return undefined;
  if (isInteger(type)) return 'decimal(38,0)';
  const scale = /^decimal\(\d+,(\d+)\)$/.exec(type)?.[1];
  if (scale !== undefined) return `decimal(38,${scale})`;
  return type;
};
/** The type of MEDIAN. For whole numbers it has one decimal place, as the examples of MEDIAN show. */
const middle: ResultOf = ([type]) => (type !== undefined && isInteger(type) ? 'decimal(38,1)' : type);
const zoned: ResultOf = ([, type]) => (type === 'timestamptz' ? 'timestamp' : 'timestamptz');
const average: ResultOf = ([type]) => (type !== undefined && isInteger(type) ? 'bigint' : type);

export const isInteger = (type: string) => /^(smallint|integer|bigint)$/.test(type);

const groups: readonly (readonly [ResultOf, string])[] = [
  [
    always('bigint'),
    'count row_number rank dense_rank ntile datediff date_diff hll pg_last_unload_count strtol fnv_hash farmfingerprint64',
  ],
  [
    always('integer'),
    'len length char_length character_length octet_length strpos charindex position ascii regexp_count regexp_instr extract json_array_length get_array_length checksum sign pg_last_query_id pg_last_copy_id',
  ],
  [
    always('double precision'),
    'date_part stddev stddev_samp stddev_pop variance var_samp var_pop percent_rank cume_dist ratio_to_report exp ln log sqrt random pi power pow',
  ],
  [always('timestamp'), 'date_trunc getdate sysdate dateadd date_add add_months'],
  [always('timestamptz'), 'to_timestamp now current_timestamp'],
  [always('decimal'), 'to_number'],
  [always('timestamp'), 'convert_timezone'],
  [middle, 'median'],
  [zoned, 'timezone'],
  [always('date'), 'date to_date last_day next_day'],
  [
    always('varchar'),
    'to_char lower upper initcap trim btrim ltrim rtrim substring substr left right replace translate reverse repeat lpad rpad split_part concat replicate listagg chr quote_literal quote_ident json_serialize json_typeof json_extract_path_text json_extract_array_element_text regexp_replace regexp_substr to_hex',
  ],
  [always('varchar(32)'), 'md5'],
  [always('varchar(40)'), 'sha1 func_sha1'],
  [always('varchar(128)'), 'sha2'],
  [
    always('boolean'),
    'is_object is_array is_scalar is_varchar is_integer is_decimal is_float is_boolean is_bigint is_smallint can_json_parse is_valid_json is_valid_json_array bool_and bool_or',
  ],
  [always('super'), 'json_parse object array array_concat subarray object_transform split_to_array get_json_object'],
  [always('varbyte'), 'to_varbyte from_hex from_varbyte_binary'],
  [sum, 'sum'],
  [average, 'avg'],
  [
    first,
    'min max any_value first_value last_value nth_value lag lead nullif abs round floor ceil ceiling mod trunc bit_and bit_or json_serialize_to_varbyte',
  ],
  [firstKnown, 'coalesce nvl greatest least isnull'],
  [second, 'nvl2'],
];

const byName = new Map(groups.flatMap(([result, names]) => names.split(' ').map((name) => [name, result] as const)));
// TRUNC of a timestamp is a date; of a number, a number.
byName.set('trunc', ([type]) => (type === 'timestamp' ? 'date' : type));

/** The result type of a Redshift function. Undefined for a function that is not listed. */
export const resultOf = (name: string, arguments_: readonly (string | undefined)[]) => byName.get(name)?.(arguments_);

const spellings: Readonly<Record<string, string>> = {
  int: 'integer',
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  bool: 'boolean',
  float: 'double precision',
  float4: 'real',
  float8: 'double precision',
  double: 'double precision',
  numeric: 'decimal',
  text: 'varchar(256)',
  nvarchar: 'varchar',
  character: 'char',
  'character varying': 'varchar',
  bpchar: 'char(256)',
  'binary varying': 'varbyte',
  varbinary: 'varbyte',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
  'time without time zone': 'time',
  'time with time zone': 'timetz',
};

/** A type in the spelling of this folder: `character varying(64)` becomes `varchar(64)`. */
export function spelledType(written: string): string {
  const text = written
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .replace(/ ?\( ?/g, '(')
    .replace(/ ?, ?/g, ',')
    .replace(/ ?\)/g, ')')
    .trim();
  const [, name = text, size = '', rest = ''] =
    /^([a-z0-9 ]+?)(\([\d,]+|\(max)?\)?( with time zone| without time zone)?$/.exec(text) ?? [];
  const known = spellings[name + rest] ?? name + rest;
  const sized = size && !known.includes('(') ? `${known}${size})` : known;
  return sized
    .replace('(max)', '(65535)')
    .replace(/^decimal\((\d+)\)$/, 'decimal($1,0)')
    .replace(/^decimal$/, 'decimal(18,0)');
}
