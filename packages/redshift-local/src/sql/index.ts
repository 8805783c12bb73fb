import {
  again,
  type Parameters as Bound,
  type Catalog,
  type ResultColumn,
  type Statement,
  type Translate,
} from '../statement';
import type { StatementNode } from './ast';
import { Source } from './lexer';
import { Memo, TextCache } from './memo';
import { openText, parseStatements } from './parser/open';
import type { ResolvedColumn } from './resolve/environment';
import { findRelation, splitName } from './resolve/from';
import { resolveQuery } from './resolve/query';
import { Context } from './resolve/scope';
import { quoteIdentifier } from './resolve/value';
import { translateAddColumn, translateAlterTable } from './statements/alter';
import { translateCopy, translateUnload } from './statements/bulk';
import { nameOf, targetOf, translateDelete, translateInsert, translateUpdate } from './statements/change';
import {
  translateCreateTable,
  translateCreateTableAs,
  translateCreateTableLike,
  translateCreateView,
  translateDrop,
} from './statements/ddl';
import { translateMaterializedView } from './statements/materialized-view';
import { translateMerge } from './statements/merge';
import { toColumns } from './statements/shared';
import {
  settingOfUser,
  translateComment,
  translateMaintain,
  translateSet,
  translateShow,
  translateShowObjects,
} from './statements/tools';

/**
 * Translates Redshift SQL to statements for the engine. The whole text is parsed before the first statement is
 * resolved. Each statement is resolved when it is requested, so that it sees what earlier statements created.
 * @throws SqlError for what Redshift or the local warehouse refuses
 */
export const translate: Translate = function* (sql: string, catalog: Catalog, parameters = {}) {
  for (const { memo, resolve } of partsOfText(sql, catalog.maxSqlBytes)) {
    let answer: typeof again | undefined;
    do answer = yield memo.translate(catalog, parameters, (recorded) => resolve(recorded, parameters));
    while (answer === again);
  }
};

/** A statement of a text, or the part of a DROP that drops one object. */
interface Part {
  readonly resolve: (catalog: Catalog, parameters: Bound) => Statement;
  readonly memo: Memo;
}

/** The translation does not depend on the warehouse, only on the text and the catalog, so that all share what is known. */
const parsed = new TextCache<readonly Part[]>();

function partsOfText(sql: string, mostBytes?: number): readonly Part[] {
  return parsed.get(`${mostBytes}:${sql}`, () => parse(new Source(sql, mostBytes)));
}

function parse(source: Source): Part[] {
  return parseStatements(openText(source)).flatMap((node) =>
    partsOf(node).map((translateOne) => ({
      memo: new Memo(),
      resolve: (catalog, parameters) => {
        const context = new Context(catalog, source, parameters);
        context.keepsQuery = node.kind === 'create-view' || node.kind === 'create-materialized-view';
        const statement = translateOne(context);
        context.checkNodes();
        return { ...statement, place: source.place(node.at) };
      },
    })),
  );
}

/** A DROP of several objects becomes one statement for each object. */
function partsOf(node: StatementNode): ((context: Context) => Statement)[] {
  if (node.kind !== 'drop') return [(context) => translateStatement(node, context)];
  return node.names.map((name) => (context) => translateDrop(node, name, context));
}

function translateStatement(node: Exclude<StatementNode, { kind: 'drop' }>, context: Context): Statement {
  switch (node.kind) {
    case 'query': {
      const { sql, columns } = resolveQuery(node.query, context);
      if (context.stream) throw context.source.unsupported('a query of a stream outside a materialized view', node.at);
      return { kind: 'query', duckdb: padded(sql, columns), columns: resultColumns(columns) };
    }
    case 'insert':
      return translateInsert(node, context);
    case 'update':
      return translateUpdate(node, context);
    case 'delete':
      return translateDelete(node, context);
    case 'create-table':
      return translateCreateTable(node, context);
    case 'create-table-as':
      return translateCreateTableAs(node, context);
    case 'create-table-like':
      return translateCreateTableLike(node, context);
    case 'merge':
      return translateMerge(node, context);
    case 'alter-table':
      return translateAlterTable(node, context);
    case 'create-view':
      return translateCreateView(node, context);
    case 'create-materialized-view':
      return translateMaterializedView(node, context);
    case 'add-column':
      return translateAddColumn(node, context);
    case 'copy':
      return translateCopy(node, context);
    case 'unload':
      return translateUnload(node, context);
    case 'set':
      return translateSet(node, context);
    case 'show':
      return translateShow(node, context);
    case 'show-objects':
      return translateShowObjects(node, context);
    case 'comment':
      return translateComment(node, context);
    case 'maintain':
      return translateMaintain(node, context);
    case 'explain':
      return translateExplain(node.statement, context);
    default:
      return translateCommand(node, context);
  }
}

/** Returns DuckDB's plan, because Redshift's plan cannot be known here. */
function translateExplain(node: StatementNode, context: Context): Statement {
  if (node.kind === 'drop') throw context.source.unsupported('EXPLAIN of DROP', node.at);
  const statement = translateStatement(node, context);
  if (statement.kind !== 'query' && statement.kind !== 'change' && statement.kind !== 'create-table-as')
    throw context.source.unsupported(`EXPLAIN of ${statement.kind.toUpperCase().replaceAll('-', ' ')}`, node.at);
  return { kind: 'explain', duckdb: statement.duckdb };
}

function resultColumns(columns: readonly ResolvedColumn[]): ResultColumn[] {
  return toColumns(columns).map((column, i) => ({ ...column, origin: columns[i]!.origin }));
}

/** Pads CHAR columns with their trailing blanks. */
function padded(sql: string, columns: readonly ResolvedColumn[]): string {
  if (!columns.some(({ type }) => type.name === 'char')) return sql;
  const list = columns.map(({ name, type }, i) => {
    const column = `"result"."c${i + 1}"`;
    return `${type.name === 'char' ? `rpad(${column}, ${type.length}, ' ')` : column} as ${quoteIdentifier(name)}`;
  });
  return `select ${list.join(', ')} from (${sql}) as "result"(${columns.map((_, i) => `"c${i + 1}"`).join(', ')})`;
}

type Command = Extract<
  StatementNode,
  {
    kind:
      | 'lock'
      | 'create-user'
      | 'alter-user'
      | 'alter-user-setting'
      | 'drop-user'
      | 'grant'
      | 'create-schema'
      | 'create-external-schema'
      | 'drop-schema'
      | 'truncate'
      | 'refresh'
      | 'alter-view'
      | 'alter-database'
      | 'begin'
      | 'commit'
      | 'rollback';
  }
>;

function translateCommand(node: Command, context: Context): Statement {
  switch (node.kind) {
    case 'lock':
      return { kind: 'lock', tables: node.tables.map((table) => nameOf(targetOf(table, context, 'lock'))) };
    case 'create-user':
    case 'alter-user':
      return { kind: node.kind, user: context.fold(node.user), password: node.password };
    case 'alter-user-setting':
      return { kind: node.kind, user: context.fold(node.user), ...settingOfUser(node.setting, context) };
    case 'drop-user':
      return { kind: 'drop-user', user: context.fold(node.user), ifExists: node.ifExists };
    case 'grant': {
      const on = node.on.map((reference) => {
        const { schema, name } = splitName(reference, context);
        const found = node.onType === 'table' ? context.catalog.find(schema, name) : undefined;
        const own = found && found.kind !== 'temp-table' && found.kind !== 'system-view' ? found.schema : schema;
        return { type: node.onType, name: own ? `${own}.${name}` : name };
      });
      const to = node.to.map((grantee) => context.fold(grantee));
      return { kind: node.revoke ? 'revoke' : 'grant', privileges: node.privileges, on, to };
    }
    case 'create-schema':
      return { kind: 'create-schema', schema: context.fold(node.schema), ifNotExists: node.ifNotExists };
    case 'create-external-schema':
      return {
        kind: 'create-external-schema',
        schema: context.fold(node.schema),
        roleArn: node.roleArn,
        ifNotExists: node.ifNotExists,
      };
    case 'drop-schema':
      return { kind: 'drop-schema', schema: context.fold(node.schema), ifExists: node.ifExists, cascade: node.cascade };
    case 'truncate':
      return { kind: 'truncate', table: nameOf(truncated(node.table, context)) };
    case 'refresh': {
      const relation = findRelation(node.view, context);
      if (relation.kind !== 'materialized-view')
        throw context.source.error(`"${relation.name}" is not a materialized view`, node.view[0]!.at);
      return { kind: 'refresh', view: nameOf(relation), cascade: node.cascade };
    }
    case 'alter-view': {
      const relation = findRelation(node.view, context);
      if (relation.kind !== 'materialized-view')
        throw context.source.error(`"${relation.name}" is not a materialized view`, node.view[0]!.at);
      return { kind: 'alter-view', view: nameOf(relation), autoRefresh: node.autoRefresh };
    }
    case 'alter-database':
      return { kind: node.kind, database: context.fold(node.database), isolation: node.isolation };
    case 'begin':
      return { kind: node.kind, readOnly: node.readOnly };
    case 'commit':
    case 'rollback':
      return { kind: node.kind };
  }
}

/** Only a materialized view over a stream can be truncated. The engine checks whether it is one. */
function truncated(parts: Parameters<typeof targetOf>[0], context: Context) {
  const relation = findRelation(parts, context);
  return relation.kind === 'materialized-view' ? relation : targetOf(parts, context, 'truncate');
}
