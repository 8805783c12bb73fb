import type { Statement } from '../../statement';
import type { StatementNode } from '../ast';
import { resolveQuery } from '../resolve/query';
import type { Context, Trait } from '../resolve/scope';
import { checkKeys } from './ddl';
import { newName, requireUnique, toColumns } from './shared';

type Node = StatementNode & { kind: 'create-materialized-view' };

/**
 * Features that a materialized view may not have
 * (https://docs.aws.amazon.com/redshift/latest/dg/materialized-view-create-sql-command.html).
 */
const banned: readonly Trait[] = ['order by', 'limit', 'offset', 'view', 'system view', 'temporary table'];

/**
 * Features that make a refresh recompute the view
 * (https://docs.aws.amazon.com/redshift/latest/dg/materialized-view-refresh-sql-command.html).
 */
const recomputed: readonly Trait[] = [
  'outer join',
  'union',
  'window function',
  'distinct aggregate',
  'recomputed aggregate',
  'grouping sets',
  'select distinct',
  'subquery',
  'common table',
  'mutable function',
  'varbyte aggregate',
  'unnesting',
];

/**
 * A streaming view reads each record once, so it can never be recomputed from its stream. It can have no feature that an
 * incremental refresh cannot maintain.
 */
const bannedInStream: readonly Trait[] = [
  'join',
  'outer join',
  'union',
  'union all',
  'window function',
  'subquery',
  'common table',
  'select distinct',
  'distinct aggregate',
  'recomputed aggregate',
  'grouping sets',
  'varbyte aggregate',
  'mutable function',
];

const namesInStream: Partial<Record<Trait, string>> = {
  'recomputed aggregate': 'an aggregate other than COUNT, SUM, MIN, MAX and AVG',
  'grouping sets': 'GROUPING SETS, ROLLUP or CUBE',
  'varbyte aggregate': 'GROUP BY of a varbyte',
};

export function translateMaterializedView(node: Node, context: Context): Statement {
  const { found, reads } = context.traits;
  const query = resolveQuery(node.query, context);
  for (const trait of banned) {
    if (found.has(trait))
      throw context.source.error(`${trait} is not allowed in a materialized view`, found.get(trait)!);
  }
  const columns = toColumns(query.columns);
  requireUnique(columns, context, node.queryAt);
  checkKeys(node.attributes, columns, context);
  const autoRefresh = node.attributes.autoRefresh ?? false;
  const common = {
    view: newName(node.view, context),
    columns,
    autoRefresh,
    query: query.sql,
    text: context.source.text.slice(node.at, node.end),
  };
  if (context.stream)
    return { kind: 'create-streaming-view', ...common, ...streamOf(context, node), grouped: found.has('groups') };
  if (autoRefresh && found.has('mutable function'))
    throw context.source.error(
      'AUTO REFRESH YES is not allowed with a mutable function',
      found.get('mutable function')!,
    );
  if (autoRefresh && found.has('materialized view'))
    throw context.source.error(
      'AUTO REFRESH YES is not allowed on a view over another materialized view',
      found.get('materialized view')!,
    );
  return {
    kind: 'create-materialized-view',
    ...common,
    reads,
    recomputeReason: recomputeReason(node, context),
    mutable: found.has('mutable function'),
  };
}

function streamOf(context: Context, node: Node): { externalSchema: string; stream: string } {
  const { found, reads } = context.traits;
  if (reads.length > 0) throw context.source.error('a streaming view reads one stream and nothing else', node.queryAt);
  for (const trait of bannedInStream) {
    if (!found.has(trait)) continue;
    throw context.source.error(
      `${namesInStream[trait] ?? trait} is not allowed in a streaming view`,
      found.get(trait)!,
    );
  }
  if (found.has('unnesting'))
    throw context.source.unsupported('unnesting in a streaming view', found.get('unnesting')!);
  return context.stream!;
}

function recomputeReason(node: Node, context: Context): string | undefined {
  const { found } = context.traits;
  const reason = recomputed.find((trait) => found.has(trait));
  if (reason) return reason;
  if (found.has('union all') && node.attributes.sortkey.length > 0) return 'union all with a sort key';
  return undefined;
}
