import { readFileSync } from 'node:fs';
import { translate } from 'redshift-local/front-end';
import { type Catalog, type RedshiftType, SqlError } from 'redshift-local/testing';
import { explained } from './explained';

/**
 * Runs statements from other projects (.ci/sql_corpus.py) on the local warehouse and counts the outcomes. Each refusal
 * must name the refused feature: a syntax error for a statement that Redshift accepts is a fault. The exit code is 0 if
 * there is no fault.
 */
type Outcome = 'accepted' | 'refused by name' | 'refused as a mistake' | 'unnamed';
interface Verdict {
  readonly outcome: Outcome;
  readonly words: string;
}

/** Types of columns. The statements' tables do not exist, so each word of a statement is a column of such a type. */
const columnTypes: readonly RedshiftType[] = [
  { name: 'integer' },
  { name: 'varchar', length: 256 },
  { name: 'timestamp' },
  { name: 'super' },
  { name: 'boolean' },
];
const best: readonly Outcome[] = ['accepted', 'refused by name', 'refused as a mistake', 'unnamed'];

function inventedTables(sql: string, type: RedshiftType): Catalog {
  const words = new Set(
    (sql.match(/[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/gi) ?? []).map((word) => word.toLowerCase()),
  );
  const columns = [...words].map((name) => ({ name, type }));
  return {
    caseSensitiveIdentifiers: false,
    database: 'dev',
    externalSchema: () => undefined,
    find: (schema, name) => {
      if (/^(?:pg|stl|stv|svl|svv|svcs|sys)_/.test(name) || schema === 'information_schema') return undefined;
      return { schema: schema ?? 'public', name, kind: 'table', columns };
    },
  };
}

function verdictOn(sql: string, type: RedshiftType): Verdict {
  try {
    for (const _ of translate(sql, inventedTables(sql, type)));
    return { outcome: 'accepted', words: '' };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const words = error.message;
    const named = /not (?:supported|modelled) by the local warehouse/.test(words);
    const unnamed = /syntax error|does not exist/.test(words) || !/^line \d+, column \d+: /.test(words);
    return { outcome: named ? 'refused by name' : unnamed ? 'unnamed' : 'refused as a mistake', words };
  }
}

const verdictOf = (sql: string): Verdict =>
  columnTypes
    // The names in a bare expression are columns of some table.
    .flatMap((type) =>
      [sql, ...(/^\s*select\b/i.test(sql) ? [`${sql} from t`] : [])].map((each) => verdictOn(each, type)),
    )
    .sort((one, other) => best.indexOf(one.outcome) - best.indexOf(other.outcome))[0]!;

function main(files: readonly string[]): number {
  const counts = new Map<string, number>();
  let unnamed = 0;
  let total = 0;
  for (const line of files.flatMap((file) => readFileSync(file, 'utf8').split('\n')).filter((text) => text !== '')) {
    const { from, sql } = JSON.parse(line) as { from: string; sql: string };
    const { outcome, words } = verdictOf(sql);
    const why = outcome === 'unnamed' ? explained.find(({ pattern }) => pattern.test(sql)) : undefined;
    const key = why ? 'refused by Redshift too' : outcome;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    total += 1;
    if (process.env['MILLRACE_CORPUS'] === key)
      console.log(`${from}\n  ${sql.replace(/\s+/g, ' ').slice(0, 300)}\n  ${words}`);
    if (key !== 'unnamed') continue;
    unnamed += 1;
    if (!process.env['MILLRACE_CORPUS'])
      console.log(`${from}\n  ${sql.replace(/\s+/g, ' ').slice(0, 300)}\n  ${words}`);
  }
  console.log(`${total} statements: ${[...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`);
  return unnamed > 0 || total === 0 ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
