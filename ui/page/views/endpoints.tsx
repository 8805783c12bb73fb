import { useSignal } from '@preact/signals';
import type { Endpoint, EndpointAnswer, EndpointFormat, EndpointParameter, Endpoints } from '../../api';
import { call } from '../client';
import { ago, bytes, grouped, plural } from '../format';
import { DataTable, Empty, Failed, Heading, useAnswer } from '../parts';
import { now, snapshot } from '../state';

export function EndpointsView() {
  const { answer, error } = useAnswer('/api/endpoints', {}, 2000);
  const found = answer.value;
  return (
    <>
      <Heading title="Endpoints">
        Queries over the views that applications and partners ask over HTTPS. Requests, errors and times are those since
        midnight UTC, as the metrics of the function have them.
      </Heading>
      <Failed error={error.value} />
      {found?.endpoints.length === 0 && <Empty>No pipeline has an endpoint.</Empty>}
      {found?.endpoints.map((endpoint) => (
        <EndpointPanel key={endpoint.name} endpoint={endpoint} address={found.address} />
      ))}
    </>
  );
}

const Fact = ({ name, bad, id, children }: { name: string; bad?: boolean; id?: string; children: string }) => (
  <div>
    <dt class="fact-name">{name}</dt>
    <dd class={`fact-value ${bad ? 'bad' : ''}`} data-endpoint={id}>
      {children}
    </dd>
  </div>
);

const milliseconds = (value: number | undefined) => (value === undefined ? '–' : `${grouped(Math.round(value))} ms`);

function EndpointPanel({ endpoint, address }: { readonly endpoint: Endpoint; readonly address: Endpoints['address'] }) {
  const { name, description, method, path, views, tenant, requests, cacheHits, errors, p50, p95 } = endpoint;
  return (
    <section class="panel endpoint" aria-labelledby={`endpoint-${name}`}>
      <div class="endpoint-head">
        <div>
          <h2 id={`endpoint-${name}`}>{name}</h2>
          {description !== undefined && <p>{description}</p>}
          <p>
            <code>
              {method} {address}
              {path}
            </code>
          </p>
        </div>
        <dl class="figures">
          <Fact name="requests" id={`${name}/requests`}>
            {grouped(requests)}
          </Fact>
          <Fact name="from kept answers" id={`${name}/cacheHits`}>
            {grouped(cacheHits)}
          </Fact>
          <Fact name="errors" bad={errors > 0} id={`${name}/errors`}>
            {grouped(errors)}
          </Fact>
          <Fact name="half within" id={`${name}/p50`}>
            {milliseconds(p50)}
          </Fact>
          <Fact name="95 of 100 within" id={`${name}/p95`}>
            {milliseconds(p95)}
          </Fact>
        </dl>
      </div>
      <p class="muted">
        Reads {views.join(', ')}. At most {plural(endpoint.maxRows, 'row')} and {endpoint.timeoutSeconds} seconds.
        {tenant !== undefined && ` Its tenant is ${tenant}: each token fixes it.`}
      </p>
      <Freshness of={endpoint.freshness} />
      {snapshot.value?.readOnly !== true && <TryEndpoint endpoint={endpoint} />}
    </section>
  );
}

function Freshness({ of }: { readonly of: Endpoint['freshness'] }) {
  if (of === undefined) return <p class="muted">No run has refreshed its views yet.</p>;
  const { run, refreshedAt, completeUntil, refreshing, failed } = of;
  return (
    <p class="muted">
      Answers are those of run <code>{run}</code>, {ago(Date.parse(refreshedAt), now.value)}
      {completeUntil !== undefined && `, complete until ${completeUntil.slice(0, 19).replace('T', ' ')}`}
      {refreshing && '; a run is refreshing the views now'}
      {failed.length > 0 && `; not refreshed: ${failed.join(', ')}`}.
    </p>
  );
}

const formats: readonly EndpointFormat[] = ['json', 'csv', 'ndjson'];

function TryEndpoint({ endpoint: { name, params, tenant } }: { readonly endpoint: Endpoint }) {
  const values = useSignal<Readonly<Record<string, string>>>({});
  const format = useSignal<EndpointFormat>('json');
  const again = useSignal(false);
  const answer = useSignal<EndpointAnswer | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const busy = useSignal(false);
  const ask = async () => {
    busy.value = true;
    error.value = undefined;
    const given = Object.entries(values.value).filter(([, value]) => value !== '');
    const etag = again.value ? etagOf(answer.value) : undefined;
    try {
      answer.value = await call('/api/endpoints/try', {
        endpoint: name,
        format: format.value,
        params: Object.fromEntries(given),
        ...(etag === undefined ? {} : { etag }),
      });
    } catch (thrown) {
      error.value = (thrown as Error).message;
    } finally {
      busy.value = false;
    }
  };
  return (
    <details>
      <summary>Try it</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <div class="params">
          {params.map((param) => (
            <Param
              key={param.name}
              id={`${name}-${param.name}`}
              param={param}
              fixed={param.name === tenant}
              value={values.value[param.name] ?? ''}
              change={(value) => {
                values.value = { ...values.value, [param.name]: value };
              }}
            />
          ))}
        </div>
        <p class="actions">
          <button type="submit" class="main" disabled={busy.value}>
            {busy.value ? 'Asking …' : 'Ask'}
          </button>
          <label>
            Format
            <select
              value={format.value}
              onChange={(event) => {
                format.value = event.currentTarget.value as EndpointFormat;
              }}
            >
              {formats.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </label>
          {etagOf(answer.value) !== undefined && (
            <label>
              <input
                type="checkbox"
                checked={again.value}
                onChange={(event) => {
                  again.value = event.currentTarget.checked;
                }}
              />
              with the ETag of this answer
            </label>
          )}
        </p>
      </form>
      <Failed error={error.value} />
      {answer.value !== undefined && error.value === undefined && <Answer name={name} answer={answer.value} />}
    </details>
  );
}

const etagOf = (answer: EndpointAnswer | undefined) => answer?.headers.find(([name]) => name === 'etag')?.[1];

function Param(props: {
  readonly id: string;
  readonly param: EndpointParameter;
  /** The token has it, not the address. */
  readonly fixed: boolean;
  readonly value: string;
  readonly change: (value: string) => void;
}) {
  const { id, param, value, change } = props;
  const field = { id, 'aria-describedby': `${id}-about`, value };
  const { oneOf } = param;
  return (
    <div class="param">
      <label for={id}>
        <strong>{param.name}</strong> <span class="muted">{param.type}</span>
      </label>
      {oneOf === undefined ? (
        <input
          {...field}
          placeholder={param.default ?? ''}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => change(event.currentTarget.value)}
        />
      ) : (
        <select {...field} onChange={(event) => change(event.currentTarget.value)}>
          <option value="">{param.default ?? ''}</option>
          {oneOf.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      )}
      <span class="item-detail" id={`${id}-about`}>
        {aboutParam(param, props.fixed)}
      </span>
    </div>
  );
}

function aboutParam(
  { description, required, default: standard, min, max, maxBytes }: EndpointParameter,
  fixed: boolean,
) {
  const bounds =
    min !== undefined && max !== undefined
      ? `${min} to ${max}`
      : min !== undefined
        ? `at least ${min}`
        : max !== undefined
          ? `at most ${max}`
          : undefined;
  const parts = [
    description,
    fixed ? 'the tenant: the token fixes it' : required ? 'required' : undefined,
    standard === undefined ? undefined : `default ${standard}`,
    bounds,
    maxBytes === undefined ? undefined : `at most ${plural(maxBytes, 'byte')}`,
  ];
  return parts.filter((part) => part !== undefined).join('; ');
}

const numeric = (type: string) => /^(bigint|integer|int|decimal|numeric|double|real|float)/.test(type);

function Answer({ name, answer }: { readonly name: string; readonly answer: EndpointAnswer }) {
  const { status, headers, table, text, bytes: size, curl } = answer;
  return (
    <div class="answered">
      <p role="status">
        <span class={`pill ${status < 400 ? 'good' : 'bad'}`}>{status}</span>{' '}
        {table !== undefined && `${plural(table.rows.length, 'row')}${table.truncated ? ', and more' : ''}, `}
        {bytes(size)} in {grouped(answer.milliseconds)} ms
      </p>
      <dl class="headers">
        {headers.map(([header, value]) => [<dt key={header}>{header}</dt>, <dd key={`${header}=`}>{value}</dd>])}
      </dl>
      {table !== undefined ? (
        <DataTable
          label={`Answer of ${name}`}
          columns={table.columns.map((column) => ({ name: column.name, numeric: numeric(column.type) }))}
          rows={table.rows}
          height={360}
        />
      ) : (
        text !== '' && <pre>{pretty(text)}</pre>
      )}
      <p class="muted">The same in a shell, with a token of its own:</p>
      <pre>{curl}</pre>
    </div>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
