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
  'select distinct',
  'subquery',
  'common table',
  'mutable function',
  'varbyte aggregate',
  'unnesting',
];

/**
 * A streaming view reads each record once, so it can have no feature that reads other rows. Aggregates would be
 * possible, but are not supported here.
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
  'mutable function',
];
const notModelledInStream: readonly Trait[] = ['aggregate', 'group by', 'unnesting'];

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
  if (context.stream) return { kind: 'create-streaming-view', ...common, ...streamOf(context, node) };
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
    if (found.has(trait)) throw context.source.error(`${trait} is not allowed in a streaming view`, found.get(trait)!);
  }
  for (const trait of notModelledInStream) {
    if (found.has(trait)) throw context.source.unsupported(`${trait} in a streaming view`, found.get(trait)!);
  }
  return context.stream!;
}

function recomputeReason(node: Node, context: Context): string | undefined {
  const { found } = context.traits;
  const reason = recomputed.find((trait) => found.has(trait));
  if (reason) return reason;
  if (found.has('union all') && node.attributes.sortkey.length > 0) return 'union all with a sort key';
  return undefined;
}
