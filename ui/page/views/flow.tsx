import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Activity, Counts, FlowItem, FlowNode, FlowShard, NodeState, PipelineFlow, Snapshot } from '../../api';
import { ago, grouped, plural, spanOf, timeOf } from '../format';
import { Empty, State } from '../parts';
import { Runbook } from '../runbook';
import { activities, hasOldCounts, linkTo, lookNow, now, snapshot } from '../state';

const ACTIVITIES_SHOWN = 12;

export function FlowView() {
  const state = snapshot.value;
  if (state === undefined) return <Empty>Waiting for the first counts …</Empty>;
  return (
    <>
      <h1 class="hidden">Flow</h1>
      {state.pipelines.length > 0 && <Equation counts={state.counts} />}
      {state.pace !== undefined && <PaceLine pace={state.pace} />}
      {state.alarms.length > 0 && (
        <section class="alarms" aria-label="Alarms">
          {state.alarms.map(({ pipeline, heading, impact, what }) => (
            <div class="alarm" key={`${pipeline} ${heading}`}>
              <p>
                <strong>
                  {pipeline}: {heading}
                </strong>{' '}
                {impact}. <span class="muted">{what}.</span>
              </p>
              <Runbook heading={heading} />
            </div>
          ))}
        </section>
      )}
      {state.pipelines.map((pipeline) => (
        <Pipeline key={pipeline.name} pipeline={pipeline} />
      ))}
      <Happenings />
    </>
  );
}

/** How old the figures are, how often they are read, and what that costs. */
function PaceLine({ pace }: { readonly pace: NonNullable<Snapshot['pace']> }) {
  const { metricsSeconds, warehouseSeconds, lookedAt, cost } = pace;
  return (
    <p class="actions pace">
      <button type="button" onClick={() => void lookNow()}>
        Look now
      </button>
      <span class="muted">
        Looked {ago(lookedAt, now.value)}. CloudWatch is asked every {plural(metricsSeconds, 'second')} while this page
        is seen, and the warehouse after something ran, every {plural(warehouseSeconds / 60, 'minute')} at most. {cost}
      </span>
    </p>
  );
}

function Equation({ counts: { produced, terms, balanced } }: { readonly counts: Counts }) {
  const sum = terms.reduce((total, { records }) => total + records, 0);
  return (
    <section class={`equation ${balanced ? 'good' : 'bad'}`} aria-label="Where every record is">
      <Figure name="produced" records={produced} />
      {terms.map(({ name, records }, n) => (
        <div class="term" key={name}>
          <span class="sign" aria-hidden="true">
            {n > 0 ? '+' : balanced ? '=' : '≠'}
          </span>
          <Figure name={name} records={records} />
        </div>
      ))}
      <p class="verdict">
        <span class={`pill ${hasOldCounts.value ? 'warn' : balanced ? 'good' : 'bad'}`}>
          {hasOldCounts.value
            ? 'old figures'
            : balanced
              ? 'nothing vanished'
              : `${plural(Math.abs(produced - sum), 'record')} ${Math.abs(produced - sum) === 1 ? 'differs' : 'differ'}`}
        </span>
      </p>
    </section>
  );
}

const Figure = ({ name, records }: { readonly name: string; readonly records: number }) => (
  <div class="figure">
    <span class="value" data-figure={name}>
      {grouped(records)}
    </span>
    <span class="name">{name}</span>
  </div>
);

type Id = FlowNode['id'];
/** What flows into what. */
const edges: readonly { readonly from: string; readonly to: string }[] = [
  { from: 'stream', to: 'landing' },
  { from: 'stream', to: 'archive' },
  { from: 'landing', to: 'merge' },
  { from: 'history', to: 'staged' },
  { from: 'staged', to: 'merge' },
  { from: 'merge', to: 'events' },
  { from: 'merge', to: 'duplicates' },
  { from: 'merge', to: 'rejects' },
  { from: 'events', to: 'views' },
  { from: 'views', to: 'exports' },
  { from: 'views', to: 'endpoints' },
  { from: 'exports', to: 'partners' },
];

const titles: Readonly<Record<Id, string>> = {
  stream: 'Stream',
  archive: 'Archive',
  history: 'History',
  landing: 'Landing',
  staged: 'Staged',
  merge: 'Merge',
  events: 'Events',
  duplicates: 'Duplicates',
  rejects: 'Rejects',
};
const links: Readonly<Partial<Record<Id, string>>> = { history: 'history', rejects: 'rejects' };

/** An edge is seen to move for so long after the count at its end changed. */
const MOVES_MS = 2500;

function Pipeline({ pipeline }: { readonly pipeline: PipelineFlow }) {
  const counts = pipeline.nodes.map(({ id, count }) => `${id} ${count}`);
  const moving = useMoving([
    ...counts,
    `views ${total(pipeline.views)}`,
    `exports ${total(pipeline.exports)}`,
    `endpoints ${total(pipeline.endpoints)}`,
  ]);
  return (
    <section class="pipeline" aria-labelledby={`pipeline-${pipeline.name}`}>
      <div class="pipeline-head">
        <h2 id={`pipeline-${pipeline.name}`}>{pipeline.name}</h2>
        <Sum counts={pipeline.counts} />
        {pipeline.running.length > 0 && <span class="muted">running: {pipeline.running.join(', ')}</span>}
      </div>
      <Picture moving={moving}>
        {pipeline.nodes.map((node) => (
          <Node key={node.id} node={node}>
            {node.id === 'stream' && <Shards shards={pipeline.shards} />}
          </Node>
        ))}
        <Items id="views" title="Views" items={pipeline.views} to="views" />
        <Items id="exports" title="Exports" items={pipeline.exports} to="exports" />
        {pipeline.endpoints.length > 0 && (
          <Items id="endpoints" title="Endpoints" items={pipeline.endpoints} to="endpoints" />
        )}
        <Items id="partners" title="Partners" items={pipeline.partners} to="exports" />
      </Picture>
    </section>
  );
}

const total = (items: readonly FlowItem[]) => items.reduce((sum, { count }) => sum + (count ?? 0), 0);

const Sum = ({ counts: { produced, terms, balanced } }: { readonly counts: Counts }) => (
  <span class={balanced ? 'muted' : 'failed'}>
    {grouped(produced)} {balanced ? '=' : '≠'} {terms.map(({ records }) => grouped(records)).join(' + ')}
  </span>
);

const SHARDS_SHOWN = 4;

/** What each open shard accepts, and how long its oldest unread record has waited. Those that wait longest come first. */
function Shards({ shards }: { readonly shards: readonly FlowShard[] }) {
  if (shards.length === 0) return null;
  const since = ({ behindSince }: FlowShard) => behindSince ?? Number.POSITIVE_INFINITY;
  const shown = shards.toSorted((one, other) => since(one) - since(other)).slice(0, SHARDS_SHOWN);
  const age = ({ behindSince }: FlowShard) => (behindSince === undefined ? 0 : Math.max(0, now.value - behindSince));
  return (
    <table class="shards" aria-label="Shards">
      <thead>
        <tr>
          <th scope="col">shard</th>
          <th scope="col" title="Records a second">
            rate
          </th>
          <th scope="col" title="How long the oldest unread record has waited">
            age
          </th>
        </tr>
      </thead>
      <tbody>
        {shown
          .toSorted((one, other) => one.id.localeCompare(other.id))
          .map((shard) => (
            <tr key={shard.id} title={shard.id}>
              <td>{Number(shard.id.replace(/^\D+/, ''))}</td>
              <td data-shard={`${shard.id}/rate`}>{perSecond(shard.rate)}</td>
              <td data-shard={`${shard.id}/age`}>{spanOf(age(shard))}</td>
            </tr>
          ))}
      </tbody>
      {shards.length > shown.length && (
        <caption>
          the {shown.length} oldest of {shards.length}
        </caption>
      )}
    </table>
  );
}

const perSecond = (rate: number) => (rate > 0 && rate < 10 ? rate.toFixed(1) : grouped(Math.round(rate)));

function Node(props: { readonly node: FlowNode; readonly children: ComponentChildren }) {
  const { id, count, unit, detail, state, at } = props.node;
  const link = links[id];
  const title = link === undefined ? titles[id] : <a href={linkTo(link)}>{titles[id]}</a>;
  return (
    <Box id={id} title={title} state={state}>
      <span class="count" data-node={id}>
        {grouped(count)}
      </span>{' '}
      <span class="unit">{count === 1 ? unit.replace(/s$/, '') : unit}</span>
      {detail !== '' && <span class="detail">{detail}</span>}
      {at !== undefined && <span class="detail">{ago(at, now.value)}</span>}
      {props.children}
    </Box>
  );
}

function Box(props: {
  readonly id: string;
  readonly title: ComponentChildren;
  readonly state: NodeState;
  readonly children: ComponentChildren;
}) {
  return (
    <div class={`node ${props.id} ${props.state}`} data-id={props.id}>
      <h3>
        {props.title}
        <State state={props.state} />
      </h3>
      {props.children}
    </div>
  );
}

const worst: readonly NodeState[] = ['failed', 'paused', 'late', 'running', 'ok', 'idle'];

function Items(props: {
  readonly id: string;
  readonly title: string;
  readonly items: readonly FlowItem[];
  readonly to: string;
}) {
  const { items } = props;
  const state = worst.find((candidate) => items.some((item) => item.state === candidate)) ?? 'idle';
  return (
    <Box id={props.id} title={<a href={linkTo(props.to)}>{props.title}</a>} state={state}>
      {items.length === 0 ? (
        <span class="detail">none</span>
      ) : (
        <ul>
          {items.map(({ name, count, detail }) => (
            <li key={name}>
              <span class="item">{name}</span>
              <span class="item-count" data-item={`${props.id}/${name}`}>
                {count === undefined ? '' : grouped(count)}
              </span>
              {detail !== 'rows' && detail !== '' && <span class="item-detail">{detail}</span>}
            </li>
          ))}
        </ul>
      )}
    </Box>
  );
}

interface Line {
  readonly key: string;
  readonly path: string;
  readonly to: string;
}

/** Draws the lines between the boxes, where the browser has put them. */
function Picture({ moving, children }: { readonly moving: ReadonlySet<string>; readonly children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const lines = useSignal<readonly Line[]>([]);
  useLayoutEffect(() => {
    const draw = () => {
      if (box.current) lines.value = linesIn(box.current);
    };
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return (
    <div class="picture" ref={box}>
      <svg class="lines" aria-hidden="true">
        {lines.value.map(({ key, path, to }) => (
          <path key={key} d={path} class={moving.has(to) ? 'moving' : ''} />
        ))}
      </svg>
      {children}
    </div>
  );
}

function linesIn(box: HTMLElement): Line[] {
  const origin = box.getBoundingClientRect();
  const place = (id: string) => {
    const element = box.querySelector(`[data-id="${id}"]`);
    if (element === null) return undefined;
    const { left, top, width, height } = element.getBoundingClientRect();
    return { left: left - origin.left, top: top - origin.top, width, height };
  };
  return edges.flatMap(({ from, to }) => {
    const [one, other] = [place(from), place(to)];
    if (one === undefined || other === undefined) return [];
    const below = Math.abs(one.left - other.left) < 4;
    const path = below ? down(one, other) : across(one, other);
    return path === undefined ? [] : [{ key: `${from}-${to}`, path, to }];
  });
}

type Place = { readonly left: number; readonly top: number; readonly width: number; readonly height: number };

function down(one: Place, other: Place): string | undefined {
  const x = one.left + one.width / 2;
  const [from, to] = [one.top + one.height, other.top];
  return to > from ? `M${x} ${from}V${to}` : undefined;
}

/** A curve to the left side of the other box, at a height that both share if there is one. */
function across(one: Place, other: Place): string | undefined {
  const [x1, x2] = [one.left + one.width, other.left];
  if (x2 <= x1) return undefined;
  const overlap = [Math.max(one.top, other.top), Math.min(one.top + one.height, other.top + other.height)] as const;
  const shared = overlap[1] > overlap[0] ? Math.min((overlap[0] + overlap[1]) / 2, overlap[0] + 36) : undefined;
  const y1 = shared ?? one.top + one.height / 2;
  const y2 = shared ?? other.top + other.height / 2;
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

/** The boxes whose count changed a moment ago, of texts such as `events 12`. */
function useMoving(counts: readonly string[]): ReadonlySet<string> {
  const moving = useSignal<ReadonlySet<string>>(new Set());
  const before = useRef<readonly string[]>(counts);
  useEffect(() => {
    const changed = counts.filter((text) => !before.current.includes(text)).map((text) => text.split(' ')[0]!);
    before.current = counts;
    if (changed.length === 0) return undefined;
    moving.value = new Set(changed);
    const timer = setTimeout(() => {
      moving.value = new Set();
    }, MOVES_MS);
    return () => clearTimeout(timer);
  }, [counts.join()]);
  return moving.value;
}

function Happenings() {
  const shown = activities.value.slice(-ACTIVITIES_SHOWN).reverse();
  return (
    <section class="happenings" aria-labelledby="happenings">
      <h2 id="happenings">What happened</h2>
      {shown.length === 0 ? (
        <Empty>Nothing since this page was opened.</Empty>
      ) : (
        <ol>
          {grouping(shown).map(({ activity, times }) => (
            <li key={activity.id} class={activity.failed ? 'bad' : ''}>
              <time>{timeOf(activity.at)}</time>
              <span class="kind">{activity.kind}</span>
              <span>
                {activity.what}
                {times > 1 && <span class="muted"> ×{times}</span>}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

/** The same thing several times in a row is one line. */
function grouping(list: readonly Activity[]) {
  const groups: { activity: Activity; times: number; text: string }[] = [];
  for (const activity of list) {
    const text = activity.what.replace(/ in [\d,]+ ms$/, '');
    const last = groups.at(-1);
    if (last?.text === text) last.times++;
    else groups.push({ activity, times: 1, text });
  }
  return groups;
}
