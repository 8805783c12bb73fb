import type { PipelineDeclaration } from '../../sql';
import { redshiftType } from '../../sql/tables/column-type';
import { spelledType } from '../../sql/views/function-types';
import type { Manifest, ManifestNode, ManifestSource } from '../dbt/manifest';
import type { ReadRelation } from '../dbt/relations';
import { type DbtImpact, type DbtPlan, type Effect, effects } from './dbt-plan';
import { readerShape } from './endpoints';
import { publicColumns } from './relations';
import type { ObjectState } from './state';

/** What a relation that dbt reads loses. */
interface Loss {
  readonly source: ManifestSource;
  /** Undefined if the whole relation is gone. */
  readonly column?: string;
  /** Follows the relation: `loses amount`, `is removed`. */
  readonly what: string;
  readonly retyped: boolean;
}

/** The deployed relations that people read, by name, and whether each stays when it leaves the template. */
export function deployedRelations(states: readonly ObjectState[]): Map<string, ReadRelation & { kept: boolean }> {
  const declared = new Map(
    states
      .filter(({ kind }) => kind === 'pipeline')
      .map(({ name, declaration }) => [`${name}.events`, (declaration as Partial<PipelineDeclaration>).columns ?? []]),
  );
  return new Map(
    states
      .filter(
        ({ kind, name, version }) => kind === 'public-view' || (kind === 'table' && !name.endsWith(`_${version}`)),
      )
      .map((state) => {
        const types = new Map(declared.get(state.name)?.map((column) => [column.name, redshiftType(column)]));
        const names = publicColumns(state) ?? state.columns?.map(({ name }) => name);
        return [
          state.name,
          {
            kept: state.onRemoval === 'keep',
            ...(names ? { columns: new Map(names.map((name) => [name, types.get(name)])) } : {}),
          },
        ];
      }),
  );
}

/** Finds what of a dbt project a deployment would break. */
export function dbtPlan(
  manifest: Manifest,
  before: ReturnType<typeof deployedRelations>,
  after: ReadonlyMap<string, ReadRelation>,
): DbtPlan {
  const search = new Search(manifest);
  for (const source of manifest.sources) for (const loss of lossesOf(source, before, after)) search.follow(loss);
  return { manifest: manifest.file, impacts: search.impacts(), notSeen: notSeen(manifest) };
}

function lossesOf(
  source: ManifestSource,
  before: ReturnType<typeof deployedRelations>,
  after: ReadonlyMap<string, ReadRelation>,
): Loss[] {
  const { relation } = source;
  const [old, now] = [before.get(relation), after.get(relation)];
  // A relation that was never deployed, or that is of no pipeline, is not lost by this change.
  if (!now) return old ? [{ source, what: removal(relation, old, before, after), retyped: false }] : [];
  if (!old || !now.columns) return [];
  const { columns: declared } = source;
  const names = new Set(old.columns?.keys() ?? declared.keys());
  return [...names].flatMap((column): Loss[] => {
    if (!now.columns!.has(column)) return [{ source, column, what: `loses ${column}`, retyped: false }];
    const [was, is] = [old.columns?.get(column) ?? declared.get(column), now.columns!.get(column)];
    if (was === undefined || is === undefined || alike(was, is)) return [];
    return [{ source, column, what: `has ${column} as ${is} instead of ${was}`, retyped: true }];
  });
}

/** People write `numeric` and `text` in a project. */
const alike = (one: string, other: string) => readerShape(spelledType(one)) === readerShape(spelledType(other));

/** Names a new relation with the same columns, since a removal may be a new name. */
function removal(
  relation: string,
  { columns, kept }: ReadRelation & { readonly kept: boolean },
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, ReadRelation>,
): string {
  const list = ({ columns: of }: ReadRelation) => (of ? [...of.keys()].join() : undefined);
  const table = relation.split('.')[1];
  const alike = [...after].filter(([name, other]) => !before.has(name) && list(other) === list({ columns }));
  const renamed = columns && (alike.find(([name]) => name.split('.')[1] === table) ?? alike[0])?.[0];
  const what = kept ? 'leaves the pipelines and gets no more rows' : 'is removed';
  return renamed ? `${what}; ${renamed} is new and has the same columns` : what;
}

class Search {
  private readonly found = new Map<string, { node: ManifestNode; effect: Effect; reasons: Set<string> }>();
  private readonly children = new Map<string, ManifestNode[]>();

  constructor(manifest: Manifest) {
    for (const node of manifest.nodes)
      for (const parent of new Set(node.dependsOn))
        this.children.set(parent, [...(this.children.get(parent) ?? []), node]);
  }

  /** Follows a loss through the nodes that read the source, and through those that pass the column on. */
  follow(loss: Loss): void {
    const visited = new Set<string>();
    const open = [loss.source.id];
    for (let id = open.shift(); id !== undefined; id = open.shift())
      for (const node of this.children.get(id) ?? []) {
        if (visited.has(node.id)) continue;
        visited.add(node.id);
        const [effect, reason] = effectOf(node, loss) ?? [];
        if (effect === undefined) continue;
        this.note(node, effect, reason!);
        // `dbt init` adapts its files, so those that read them meet the loss instead.
        if (effect === 'changes' || effect === 'rewritten') open.push(node.id);
        if (effect === 'breaks') this.noteDownstream(node);
      }
  }

  private noteDownstream(broken: ManifestNode): void {
    const open = [broken];
    const visited = new Set([broken.id]);
    for (let above = open.shift(); above; above = open.shift())
      for (const node of this.children.get(above.id) ?? []) {
        if (visited.has(node.id)) continue;
        visited.add(node.id);
        this.note(node, 'downstream', `is built on ${broken.name}`);
        open.push(node);
      }
  }

  private note(node: ManifestNode, effect: Effect, reason: string): void {
    const known = this.found.get(node.id);
    const rank = (each: Effect) => effects.indexOf(each);
    if (known && rank(known.effect) < rank(effect)) return;
    if (known?.effect === effect) known.reasons.add(reason);
    else this.found.set(node.id, { node, effect, reasons: new Set([reason]) });
  }

  impacts(): DbtImpact[] {
    return [...this.found.values()]
      .map(({ node, effect, reasons }) => ({
        node: `${node.type} ${node.name}`,
        file: node.file,
        effect,
        reasons: [...reasons],
      }))
      .sort((a, b) => effects.indexOf(a.effect) - effects.indexOf(b.effect) || (a.node < b.node ? -1 : 1));
  }
}

/** What the loss does to a node below it. Undefined if it does nothing that can be seen. */
function effectOf(node: ManifestNode, { source, column, what, retyped }: Loss): [Effect, string] | undefined {
  const said = `${source.relation} ${what}`;
  if (node.isGenerated) {
    const reads = node.type === 'model' || column === undefined || node.tested?.includes(column);
    return reads ? ['rewritten', said] : undefined;
  }
  if (column === undefined) return ['breaks', said];
  const hurt: Effect = retyped ? 'may break' : 'breaks';
  if (node.tested) return node.tested.includes(column) ? [hurt, `tests ${column}: ${said}`] : undefined;
  if (node.sql === '') return ['may break', `has no SQL to read: ${said}`];
  if (node.language !== 'sql') return ['may break', `is not SQL, so its columns are not read: ${said}`];
  const sql = readableSql(node);
  if (names(sql, column)) return [hurt, `names ${column}: ${said}`];
  return selectsAll(sql) ? ['changes', `selects all columns: ${said}`] : undefined;
}

/** The SQL without comments, without the names of relations, and in compiled SQL without literals. */
function readableSql({ sql, isCompiled }: ManifestNode): string {
  const text = sql.replace(/\{#[\s\S]*?#\}|\/\*[\s\S]*?\*\/|--[^\n]*/g, ' ');
  return isCompiled ? text.replace(/'(?:[^']|'')*'/g, "''") : text.replace(/\b(?:ref|source)\s*\([^)]*\)/g, ' ');
}

function names(sql: string, column: string): boolean {
  const name = column.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(/^\w+$/.test(column) ? `(?<!\\w)${name}(?!\\w)` : `"${name}"`, 'i').test(sql);
}

const selectsAll = (sql: string) => /(?:\bselect\s+(?:distinct\s+)?|,\s*|\w\.|"\.)\*|\bstar\s*\(/i.test(sql);

function notSeen({ nodes }: Manifest): string[] {
  const written = nodes.filter(
    ({ type, isCompiled, sql }) => type === 'model' && !isCompiled && sql.includes('{{'),
  ).length;
  return [
    'A name is taken for the column wherever it is in the SQL, also where it belongs to another relation.',
    ...(written > 0
      ? ['The manifest has SQL that is not compiled: columns that a macro names are not seen. Run dbt compile first.']
      : []),
    'A column that a model passes on under another type, and what dashboards read, is not seen.',
  ];
}
