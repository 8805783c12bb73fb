import type { Relation } from '../../statement';
import type { Expression, FromItem } from '../ast';
import { describe, isInteger } from '../types';
import type { Environment } from './environment';
import { settle } from './operators';
import { Scope } from './scope';
import { quoteIdentifier } from './value';

/** GENERATE_SERIES, which runs on the leader node only, so that no table of a user can be beside it. */
export function series(
  item: FromItem & { kind: 'relation' },
  args: readonly Expression[],
  environment: Environment,
): Relation {
  const { context } = environment;
  context.mark('leader node function', item.at);
  const alone = { ...environment, scope: new Scope(), clause: 'FROM', aggregates: false, windows: false };
  const numbers = args.map((node) => {
    const value = settle(alone, environment.resolve(node, alone), { name: 'integer' }, node.at);
    if (!isInteger(value.type))
      throw context.source.unsupported(`function GENERATE_SERIES with ${describe(value.type)}`, node.at);
    return value.sql;
  });
  const name = item.alias ? context.fold(item.alias) : 'generate_series';
  return {
    schema: 'millrace_system',
    name: 'pg_generate_series',
    kind: 'system-view',
    columns: [{ name, type: { name: 'integer' } }],
    query: `select cast(unnest(generate_series(${numbers.join(', ')})) as integer) as ${quoteIdentifier(name)}`,
  };
}
