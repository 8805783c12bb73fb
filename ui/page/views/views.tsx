import { useSignal } from '@preact/signals';
import type { ViewNode } from '../../api';
import { ago, grouped, plural } from '../format';
import { layersOf } from '../layers';
import { Empty, Failed, Heading, useAnswer } from '../parts';
import { tokens } from '../sql-tokens';
import { linkTo, now } from '../state';

const WIDTH = 200;
const HEIGHT = 46;
const BETWEEN = 60;
const GAP = 12;

export function ViewsView() {
  const { answer, error } = useAnswer('/api/views', {}, 5000);
  const chosen = useSignal<string | undefined>(undefined);
  const nodes = answer.value?.nodes;
  const node = nodes?.find(({ name }) => name === chosen.value);
  return (
    <>
      <Heading title="Views">
        What reads what. Choose a table, a view or an export to see its columns and its SQL.
      </Heading>
      <Failed error={error.value} />
      {nodes === undefined ? (
        error.value === undefined && <Empty>Reading the views …</Empty>
      ) : (
        <Graph
          nodes={nodes}
          chosen={chosen.value}
          choose={(name) => {
            chosen.value = name === chosen.value ? undefined : name;
          }}
        />
      )}
      {node !== undefined && <Details node={node} />}
    </>
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
            class={`view-node ${node.kind}`}
            style={{ left: `${x}px`, top: `${y}px`, width: `${WIDTH}px`, height: `${HEIGHT}px` }}
            aria-pressed={node.name === props.chosen}
            onClick={() => props.choose(node.name)}
          >
            <span class="item">{node.name.replace(' (export)', '')}</span>
            <span class="item-detail" data-view={node.name}>
              {node.rows === null ? 'export' : `${plural(node.rows, 'row')}`}
            </span>
          </button>
        ))}
      </div>
    </section>
  );
}

function Details({ node }: { readonly node: ViewNode }) {
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
