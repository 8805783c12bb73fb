/**
 * Prefix of an error text that a translated statement raises itself. It distinguishes such errors from DuckDB's own.
 */
export const failureMark = 'redshift: ';

/** DuckDB text that fails the statement with this message. */
export function failure(words: string): string {
  return `error('${failureMark}${words.replaceAll("'", "''")}')`;
}

/** Like `failure`, with a value of the row in double quotes after the message. */
export function failureWith(words: string, valueSql: string): string {
  return `error('${failureMark}${words.replaceAll("'", "''")}: "' || ${valueSql} || '"')`;
}

export const overflow = 'Numeric data overflow (result precision)';
const bytes: Readonly<Record<string, number>> = { INT8: 1, INT16: 2, INT32: 4, INT64: 8 };

/** DuckDB's messages for errors that Redshift reports too, and Redshift's messages for them. The first match counts. */
const translations: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
  [
    /Could not convert string ['"](?=[\d.eE+-]*[^'"\d.eE+-])([^'"]*)['"] to/,
    ([, text]) => `invalid input syntax: "${text}"`,
  ],
  [/DECIMAL|HUGEINT|INT128/, () => overflow],
  [/destination type (INT8|INT16|INT32|INT64)\b/, ([, type]) => `Value out of range for ${bytes[type!]} bytes`],
  [/\b(INT8|INT16|INT32|INT64)\b/, ([, type]) => `Value out of range for ${bytes[type!]} bytes`],
  [/^(?:Out of Range|Conversion) Error: (?:Could not (?:cast|convert)|Overflow|Casting)/, () => overflow],
  [
    /(?:date|timestamp) field value out of range: ("[^"]*")/,
    ([, value]) => `date/time field value out of range: ${value}`,
  ],
  [/invalid timestamp field format: ("[^"]*")/, ([, value]) => `invalid input syntax for type timestamp: ${value}`],
  [
    /[Dd]ate and time not in timestamp range|[Tt]imestamp|[Dd]ate out of range|INTERVAL|[Ii]nterval/,
    () => 'timestamp out of range',
  ],
  [/More than one row returned by a subquery/, () => 'single-row subquery returns more than one row'],
  [
    /could not convert blob to UTF8|Invalid unicode|Invalid UTF-?8/i,
    () => 'String contains invalid or unsupported UTF8 codepoints',
  ],
  [/Malformed JSON/, () => 'invalid JSON'],
  [/(?:DOUBLE|FLOAT|REAL|floating|(?:STDDEV|VAR)\w* is out of range)/, () => 'value out of range: overflow'],
  [/(cannot take (?:square root|logarithm) of [a-z ]+)/, ([, words]) => words!],
  [
    /NOT NULL constraint failed: (?:[^.]*\.)?([^.\s]+)/,
    ([, column]) => `Cannot insert a NULL value into column ${column}`,
  ],
];

/** Message for a statement that the translation should have refused. */
export const notRun = 'the local warehouse could not run this statement';

/** DuckDB's errors begin with their class. */
const engineError =
  /^(?:Binder|Catalog|Constraint|Conversion|Invalid Input|Invalid Type|Mismatch Type|Not implemented|Out of Range|Parser|Permission|Sequence|Serialization|Syntax|INTERNAL|FATAL|TransactionContext|Expression|Executor|Dependency|Parameter Not Resolved|Parameter Not Allowed|Object Size|Index|Stat|Connection|Scheduler|Optimizer|Missing Extension|Out of Memory|Interrupted|INTERRUPT|IO|HTTP|Autoloading|Unknown Type|Null Pointer|Divide by Zero|Decimal) Error: |^INTERRUPT Error/;
/** Errors caused by a value, not by the statement. */
const valueError = /^(?:Conversion|Out of Range|Invalid Input|Constraint|Decimal) Error/;
/** Errors caused by the machine, not by the statement. They are reported unchanged. */
const machineError = /^(?:IO|Out of Memory|TransactionContext|Interrupted|INTERRUPT|FATAL) Error/;

/**
 * Translates a DuckDB error to Redshift's message. Errors of the machine are returned unchanged. Any other error
 * without a Redshift message means a statement that should have been refused; it is reported as one that the local
 * warehouse could not run. Texts that do not come from DuckDB are returned unchanged.
 */
export function redshiftWords(error: string): string {
  // DuckDB appends the failing part of its statement.
  const message = error.split('\n\nLINE ')[0]!.trim();
  const at = message.indexOf(failureMark);
  if (at >= 0) return message.slice(at + failureMark.length);
  if (!engineError.test(message) || machineError.test(message)) return message;
  const missing = /^Catalog Error: Table with name (\S+) does not exist/.exec(message);
  if (missing) return `relation "${missing[1]}" does not exist`;
  const words = valueError.test(message) ? translated(message) : undefined;
  return words ?? notRun;
}

function translated(message: string): string | undefined {
  for (const [pattern, words] of translations) {
    const found = pattern.exec(message);
    if (found) return words(found);
  }
  return undefined;
}
