import { useSignal } from '@preact/signals';
import type { PlanAnswer, PlannedChange, ViewNode } from '../../api';
import { lineDiff } from '../diff';
import { ago, grouped, plural } from '../format';
import { layersOf } from '../layers';
import { Empty, Failed, Heading, useAnswer } from '../parts';
import { tokens } from '../sql-tokens';
import { linkTo, now } from '../state';

const WIDTH = 230;
const HEIGHT = 46;
const BETWEEN = 60;
const GAP = 12;

/** The plan compares files, so it is asked again whether or not anything happened. */
const PLAN_EVERY_MS = 5000;

export function ViewsView() {
  const { answer, error } = useAnswer('/api/views', {}, 5000);
  const { answer: planned } = useAnswer('/api/plan', {}, PLAN_EVERY_MS, true);
  const chosen = useSignal<string | undefined>(undefined);
  const nodes = answer.value?.nodes;
  const node = nodes?.find(({ name }) => name === chosen.value);
  const changes = planned.value?.changes ?? [];
  const changeOf = (name: string | undefined) =>
    name === undefined ? undefined : changes.find((change) => change.node === name || change.object === name);
  const change = changeOf(chosen.value);
  const choose = (name: string) => {
    chosen.value = name === chosen.value ? undefined : name;
  };
  return (
    <>
      <Heading title="Views">
        What reads what. Choose a table, a view or an export to see its columns and its SQL.
      </Heading>
      <Failed error={error.value} />
      {planned.value === undefined ? (
        <p class="planned muted">Comparing the working tree with what is deployed …</p>
      ) : (
        <Planned plan={planned.value} chosen={chosen.value} choose={choose} />
      )}
      {nodes === undefined ? (
        error.value === undefined && <Empty>Reading the views …</Empty>
      ) : (
        <Graph nodes={nodes} chosen={chosen.value} choose={choose} changeOf={changeOf} />
      )}
      {node !== undefined && <Details node={node} change={change} />}
      {node === undefined && change !== undefined && (
        <article class="panel view-details" aria-label={change.object}>
          <h2>{change.object}</h2>
          <Change change={change} />
        </article>
      )}
    </>
  );
}

const actionWords: Readonly<Record<PlannedChange['action'], string>> = {
  added: 'added',
  online: 'changed in place',
  rebuild: 'rebuilt',
  refused: 'refused',
  removed: 'removed',
};

/** What `npx millrace deploy` would change, and what stops it. */
function Planned(props: {
  readonly plan: PlanAnswer;
  readonly chosen: string | undefined;
  readonly choose: (name: string) => void;
}) {
  const { changes, problems, failure } = props.plan;
  if (failure !== undefined)
    return (
      <p class="failed" role="status">
        The working tree cannot be planned. {failure}
      </p>
    );
  if (changes.length === 0 && problems.length === 0)
    return <p class="planned muted">The working tree is what is deployed.</p>;
  return (
    <section class="planned panel" aria-labelledby="planned">
      <h2 id="planned">
        Planned <span class="muted">{plural(changes.length, 'change')} in the working tree, not deployed</span>
      </h2>
      {problems.map((problem) => (
        <p key={problem} class="failed">
          {problem}
        </p>
      ))}
      <ul>
        {changes.map((change, n) => {
          const name = change.node ?? change.object;
          return (
            <li key={`${change.object} ${n}`}>
              <button type="button" aria-pressed={props.chosen === name} onClick={() => props.choose(name)}>
                {change.object}
              </button>
              <span>
                <Action action={change.action} /> {change.summary}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const Action = ({ action }: Pick<PlannedChange, 'action'>) => (
  <span class={`pill ${action === 'refused' ? 'bad' : action === 'removed' || action === 'rebuild' ? 'warn' : 'good'}`}>
    {actionWords[action]}
  </span>
);

/** The plan's words about a change, and both queries beside each other. */
function Change({ change: { action, summary, notes, query } }: { readonly change: PlannedChange }) {
  return (
    <section class="change" aria-label="Planned change">
      <p>
        <Action action={action} /> {summary}
      </p>
      <ul>
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
      {query !== undefined && <Diff before={query.before ?? ''} after={query.after ?? ''} />}
    </section>
  );
}

function Diff({ before, after }: { readonly before: string; readonly after: string }) {
  const rows = lineDiff(before, after);
  if (rows.every(({ same }) => same)) return <p class="muted">Its own SQL stays the same.</p>;
  return (
    <table class="diff">
      <thead>
        <tr>
          <th scope="col">deployed</th>
          <th scope="col">working tree</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ left, right, same }, n) => (
          <tr key={n} class={same ? 'same' : ''}>
            <Side text={left} mark={same ? '' : '−'} about="removed" />
            <Side text={right} mark={same ? '' : '+'} about="added" />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Side({ text, mark, about }: { readonly text: string | null; readonly mark: string; readonly about: string }) {
  if (text === null) return <td class="none" />;
  return (
    <td class={mark === '' ? '' : about}>
      {mark !== '' && <span class="hidden">{about}: </span>}
      {text}
    </td>
  );
}

interface Placed {
  readonly nodes: readonly { readonly node: ViewNode; readonly x: number; readonly y: number }[];
  readonly edges: readonly { readonly key: string; readonly path: string; readonly ends: readonly string[] }[];
  readonly width: number;
  readonly height: number;
}

function place(nodes: readonly ViewNode[]): Placed {
  const { places, columns, rows } = layersOf(nodes);
  const at = (name: string) => {
    const { column, row } = places.get(name)!;
    return { x: column * (WIDTH + BETWEEN), y: row * (HEIGHT + GAP) };
  };
  const edges = nodes.flatMap(({ name, reads }) =>
    reads
      .filter((read) => places.has(read))
      .map((read) => {
        const [from, to] = [at(read), at(name)];
        const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
        const half = (x1 + x2) / 2;
        return {
          key: `${read} ${name}`,
          ends: [read, name],
          path: `M${x1} ${y1}C${half} ${y1} ${half} ${y2} ${x2} ${y2}`,
        };
      }),
  );
  return {
    nodes: nodes.map((node) => ({ node, ...at(node.name) })),
    edges,
    width: columns * (WIDTH + BETWEEN) - BETWEEN,
    height: rows * (HEIGHT + GAP) - GAP,
  };
}

function Graph(props: {
  readonly nodes: readonly ViewNode[];
  readonly chosen: string | undefined;
  readonly choose: (name: string) => void;
  readonly changeOf: (name: string) => PlannedChange | undefined;
}) {
  const { nodes, edges, width, height } = place(props.nodes);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
    <section class="graph panel" aria-label="Graph of views" tabIndex={0}>
      <div style={{ width: `${width}px`, height: `${height}px` }}>
        <svg width={width} height={height} aria-hidden="true">
          {edges.map(({ key, path, ends }) => (
            <path
              key={key}
              d={path}
              class={props.chosen !== undefined && ends.includes(props.chosen) ? 'chosen' : ''}
            />
          ))}
        </svg>
        {nodes.map(({ node, x, y }) => (
          <button
            type="button"
            key={node.name}
            class={`view-node ${node.kind} ${props.changeOf(node.name)?.action ?? ''}`}
            style={{ left: `${x}px`, top: `${y}px`, width: `${WIDTH}px`, height: `${HEIGHT}px` }}
            aria-pressed={node.name === props.chosen}
            onClick={() => props.choose(node.name)}
          >
            <span class="item">{node.name.replace(' (export)', '')}</span>
            <span class="item-detail" data-view={node.name}>
              {node.rows === null ? 'export' : `${plural(node.rows, 'row')}`}
            </span>
            <PlannedMark change={props.changeOf(node.name)} />
          </button>
        ))}
      </div>
    </section>
  );
}

const PlannedMark = ({ change }: { readonly change: PlannedChange | undefined }) =>
  change === undefined ? null : (
    <span class="planned-mark">planned: {change.action === 'online' ? 'changed' : actionWords[change.action]}</span>
  );

function Details({ node, change }: { readonly node: ViewNode; readonly change: PlannedChange | undefined }) {
  const { name, kind, rows, reads, columns, sql, file, maintenance, refreshedAt } = node;
  const facts = [
    ...(rows === null ? [] : [`${grouped(rows)} rows`]),
    ...(maintenance === undefined
      ? []
      : [maintenance === 'incremental' ? 'refreshed incrementally' : 'recomputed by each refresh']),
    ...(refreshedAt === undefined ? [] : [`refreshed ${ago(Date.parse(refreshedAt), now.value)}`]),
    ...(reads.length === 0 ? [] : [`reads ${reads.join(', ')}`]),
  ];
  return (
    <article class="panel view-details" aria-label={name}>
      <h2>
        {name} <span class="muted">{kind === 'export' ? '' : kind}</span>
      </h2>
      <p>{facts.join(', ')}</p>
      {change !== undefined && <Change change={change} />}
      {kind !== 'export' && (
        <p>
          <a href={linkTo('sql', `select *\nfrom ${name}\nlimit 100`)}>Query it</a>
        </p>
      )}
      <div class="two">
        <table>
          <thead>
            <tr>
              <th scope="col">column</th>
              <th scope="col">type</th>
            </tr>
          </thead>
          <tbody>
            {columns.map((column) => (
              <tr key={column.name}>
                <td>{column.name}</td>
                <td class="muted">{column.type}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {sql !== '' && (
          <figure>
            <figcaption class="muted">{file}</figcaption>
            <pre>
              {tokens(sql).map(({ kind: token, text, at }) => (
                <span key={at} class={`t-${token}`}>
                  {text}
                </span>
              ))}
            </pre>
          </figure>
        )}
      </div>
    </article>
  );
}
