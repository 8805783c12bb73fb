/** What marks the text of an error that a translated statement raises by itself, so that it is told apart from the engine's own words. */
export const failureMark = 'redshift: ';

/** DuckDB text that fails the statement with these words. */
export function failure(words: string): string {
  return `error('${failureMark}${words.replaceAll("'", "''")}')`;
}

/** The same with a value of the row behind the words, in double quotes. */
export function failureWith(words: string, valueSql: string): string {
  return `error('${failureMark}${words.replaceAll("'", "''")}: "' || ${valueSql} || '"')`;
}

export const overflow = 'Numeric data overflow (result precision)';
const bytes: Readonly<Record<string, number>> = { INT8: 1, INT16: 2, INT32: 4, INT64: 8 };

/** The engine's words for what Redshift reports too, and Redshift's. The first that fits counts. */
const translations: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
  [/Could not convert string ['"]([^'"]*[^'"\d.eE+-][^'"]*)['"] to/, ([, text]) => `invalid input syntax: "${text}"`],
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

/** Of a statement that should have been refused. */
export const notRun = 'the local warehouse could not run this statement';

/** Errors of DuckDB begin with their class. */
const engineError =
  /^(?:Binder|Catalog|Constraint|Conversion|Invalid Input|Invalid Type|Mismatch Type|Not implemented|Out of Range|Parser|Permission|Sequence|Serialization|Syntax|INTERNAL|FATAL|TransactionContext|Expression|Executor|Dependency|Parameter Not Resolved|Parameter Not Allowed|Object Size|Index|Stat|Connection|Scheduler|Optimizer|Missing Extension|Out of Memory|Interrupted|INTERRUPT|IO|HTTP|Autoloading|Unknown Type|Null Pointer|Divide by Zero|Decimal) Error: |^INTERRUPT Error/;
/** Of a value rather than the statement. */
const valueError = /^(?:Conversion|Out of Range|Invalid Input|Constraint|Decimal) Error/;
/** Of the machine rather than the statement: said as they are. */
const machineError = /^(?:IO|Out of Memory|TransactionContext|Interrupted|INTERRUPT|FATAL) Error/;

/**
 * An error of the engine in Redshift's words. What is neither Redshift's nor the machine's is a statement that should have been refused; it is said to be
 * one that the local warehouse could not run. Texts that do not come from the engine are returned as they are.
 */
export function redshiftWords(error: string): string {
  // The engine shows the part of its statement that failed.
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
