import { useSignal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { setToken } from './client';
import { timeOf } from './format';
import { connection, health, linkTo, now, problem, route, snapshot } from './state';
import { EndpointsView } from './views/endpoints';
import { ExportsView } from './views/exports';
import { FlowView } from './views/flow';
import { HistoryView } from './views/history';
import { OverTimeView } from './views/over-time';
import { RejectsView } from './views/rejects';
import { SqlView } from './views/sql';
import { TryItView } from './views/try-it';
import { ViewsView } from './views/views';
import { WhyView } from './views/why';

const views: Readonly<Record<string, { readonly title: string; readonly View: FunctionComponent }>> = {
  flow: { title: 'Flow', View: FlowView },
  time: { title: 'Over time', View: OverTimeView },
  why: { title: 'Why', View: WhyView },
  rejects: { title: 'Rejects', View: RejectsView },
  exports: { title: 'Exports', View: ExportsView },
  endpoints: { title: 'Endpoints', View: EndpointsView },
  history: { title: 'History', View: HistoryView },
  views: { title: 'Views', View: ViewsView },
  sql: { title: 'SQL', View: SqlView },
  try: { title: 'Try it', View: TryItView },
};

export function App() {
  const { View } = Object.fromEntries(shownViews())[route.value.view] ?? views['flow']!;
  if (connection.value === 'locked') return <Locked />;
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <TopBar />
      {connection.value === 'lost' && (
        <p class="banner" role="status">
          The runtime does not answer. This page shows what it knew, and reconnects when{' '}
          <code>{snapshot.value?.readOnly ? 'millrace ui' : 'npm start'}</code> runs again.
        </p>
      )}
      {problem.value !== undefined && connection.value === 'live' && (
        <p class="banner" role="status">
          The counts could not be read: {problem.value}
        </p>
      )}
      {connection.value === 'live' &&
        snapshot.value?.problems?.map(({ part, problem: reason }) => (
          <p class="banner" role="status" key={part}>
            <strong>{part}</strong>: {reason}
          </p>
        ))}
      <main id="main" tabIndex={-1}>
        <View />
      </main>
    </>
  );
}

/** An environment in AWS cannot be tried. */
const shownViews = () => Object.entries(views).filter(([name]) => name !== 'try' || snapshot.value?.readOnly !== true);

function TopBar() {
  const { tone, text } = health.value;
  return (
    <header class="top">
      <div class="brand">
        <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
          <path d="M2 4c4 0 4 4 6 4s2-4 6-4M2 12c4 0 4-4 6-4s2 4 6 4" />
        </svg>
        <strong>Millrace</strong>
        <span class="muted">
          {snapshot.value?.environment}
          {snapshot.value?.readOnly && ', read-only'}
        </span>
      </div>
      <nav aria-label="Views">
        {shownViews().map(([name, { title }]) => (
          <a key={name} href={linkTo(name)} aria-current={route.value.view === name ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <div class="health">
        <span class={`pill ${connection.value === 'live' ? tone : 'warn'}`} role="status">
          {connection.value === 'live' ? text : connection.value === 'lost' ? 'not connected' : 'connecting'}
        </span>
        <Clock />
      </div>
    </header>
  );
}

function Clock() {
  const state = snapshot.value;
  if (state === undefined) return null;
  const rate = state.catchingUp
    ? 'jumping'
    : state.clockRate === 0
      ? 'stopped'
      : state.clockRate === 1
        ? ''
        : `×${state.clockRate}`;
  return (
    <span class="clock" title="The runtime's clock, UTC">
      <time>{timeOf(now.value)}</time> <span class="muted">{rate || 'UTC'}</span>
    </span>
  );
}

function Locked() {
  const token = useSignal('');
  return (
    <main class="locked">
      <h1>This page needs its token</h1>
      <p>
        Open the address that <code>npm start</code> or <code>npx millrace ui</code> printed. It ends in{' '}
        <code>#token=…</code>. Or enter the token here.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setToken(token.value.trim().replace(/^.*token=/, ''));
          location.reload();
        }}
      >
        <label>
          Token
          <input
            value={token.value}
            autocomplete="off"
            onInput={(event) => {
              token.value = event.currentTarget.value;
            }}
          />
        </label>
        <button type="submit">Open</button>
      </form>
    </main>
  );
}
