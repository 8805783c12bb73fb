import type { RemainingMs } from '../shared/deadline';
import type { FinishedRun, Freshness } from '../shared/freshness';
import { WarehouseAsleepError } from '../shared/warehouse';
import { Answers, Flights, parseShared, sharedText } from './answers';
import { Buckets } from './buckets';
import { type Caller, fixedValues, partnerCaller, tokenCaller } from './callers';
import type { EndpointItem } from './contract';
import { docsAnswer } from './docs-page';
import type { EndpointHost } from './host';
import { KeyRing } from './keys';
import { chooseStatement, type Question, readParams, readQuery } from './params';
import { Problem } from './problem';
import type { Table } from './render';
import { problemAnswer, problemOf, reportRequest, type Served } from './report';
import { type ApiAnswer, type ApiRequest, type Format, parseRequest, type Route, routeOf } from './request';
import { documentAnswer, etagOf, isMatch, notModified, tableAnswer } from './response';
import { asleep, runStatement, sha256 } from './statement';

/** Most bytes of kept answers in one instance. */
const maxKeptBytes = 48 * 1024 * 1024;
/** Longest wait for the turn of a statement. Half of the time between two turns of an instance of 20: it has the other half for kept answers. */
const longestTurnSeconds = 1;

/** Answers requests of the HTTP API. Keeps answers, keys and rates in memory for the next call. */
export function endpointFunction(host: EndpointHost) {
  const api = new Api(host);
  return (event: unknown, remainingMs: RemainingMs) => api.answer(event, remainingMs);
}

interface Asked {
  readonly item: EndpointItem;
  readonly question: Question;
  readonly format: Format;
}

class Api {
  private readonly answers = new Answers(maxKeptBytes);
  private readonly flights = new Flights<{ readonly table: Table; readonly isExact: boolean }>();
  private readonly callers: Buckets;
  private readonly statements: Buckets;
  private readonly ring: KeyRing;

  constructor(private readonly host: EndpointHost) {
    this.callers = new Buckets(host.now);
    this.statements = new Buckets(host.now);
    this.ring = new KeyRing(host.readKeys, host.now);
  }

  async answer(event: unknown, remainingMs: RemainingMs): Promise<ApiAnswer> {
    const began = this.host.now();
    const request = parseRequest(event);
    const served: Served = { statements: 0 };
    let answer: ApiAnswer;
    try {
      answer = await this.serve(request, served, began, remainingMs);
    } catch (error) {
      answer = problemAnswer(problemOf(error, this.host, request.requestId), request.requestId);
    }
    reportRequest(this.host, request, served, answer.statusCode, began);
    return request.method === 'HEAD' ? { ...answer, body: '', isBase64Encoded: false } : answer;
  }

  private async serve(
    request: ApiRequest,
    served: Served,
    began: number,
    remainingMs: RemainingMs,
  ): Promise<ApiAnswer> {
    const route = routeOf(request.path);
    if (!route) throw notFound();
    served.route = route;
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new Problem('method-not-allowed', 'Use GET or HEAD.', { headers: { allow: 'GET, HEAD' } });
    if (route.kind !== 'endpoint') return this.document(route.kind, request);
    const asked = await this.readRequest(request, route, served);
    return this.freshAnswer(request, asked, served, began, remainingMs);
  }

  private document(kind: 'openapi' | 'docs', request: ApiRequest): ApiAnswer {
    const { openapi } = this.host.plan;
    if (openapi === undefined) throw notFound();
    return kind === 'openapi' ? documentAnswer(openapi, request) : docsAnswer(openapi, request);
  }

  /** Authenticates before it looks for the endpoint, so that a caller without rights learns nothing. */
  private async readRequest(request: ApiRequest, route: Route & { kind: 'endpoint' }, served: Served): Promise<Asked> {
    const { host } = this;
    const { pipeline, name, format } = route;
    const caller =
      route.access === 'iam'
        ? partnerCaller(request, host.partners)
        : await tokenCaller(request, (kid) => this.known(this.ring.keys(kid)), host.environment, host.now());
    served.caller = caller.label;
    this.admitCaller(caller);
    const bound = caller.fixedFor(pipeline, name);
    if (!bound) throw new Problem('forbidden', 'The caller has no access to this endpoint.');
    const item = host.plan.endpoints.find((each) => each.pipeline === pipeline && each.name === name);
    if (!item) throw notFound();
    served.pipeline = pipeline;
    const query = readQuery(request.query);
    if (typeof query === 'string') throw new Problem('invalid-parameters', sentence(query));
    const fixed = fixedValues(item, bound, query);
    const read = readParams(item, query, fixed);
    if ('values' in read)
      return { item, format, question: { values: read.values, statement: chooseStatement(item, read.values) } };
    const { violations } = read;
    const wrong = violations.filter(({ param }) => Object.hasOwn(fixed, param)).map(({ param }) => param);
    if (wrong.length > 0)
      throw new Problem('forbidden', `The value that the caller is bound to is not valid for ${wrong.join(', ')}.`);
    throw new Problem('invalid-parameters', violations.map(({ param, detail }) => `${param} ${detail}`).join('; '), {
      violations,
    });
  }

  /** The result of a read that every request depends on. */
  private async known<T>(read: Promise<T>): Promise<T> {
    try {
      return await read;
    } catch (error) {
      this.host.log('the keys or the freshness could not be read', { error: (error as Error).name });
      throw new Problem('unavailable', 'The API cannot check the request for now.', { retryAfterSeconds: 2 });
    }
  }

  private admitCaller({ label, rps }: Caller): void {
    const wait = rps === undefined ? 0 : this.callers.take(label, rps);
    if (wait > 0)
      throw new Problem('too-many-requests', `The token allows ${rps} requests a second.`, { retryAfterSeconds: wait });
  }

  /**
   * Waits for its turn if that is soon. Meanwhile the instance takes no request, so the next ones reach others, which have turns of their own.
   * @param look called if there was no turn at first
   * @returns what `look` found in place of the turn
   */
  private async admitStatement(look: () => Promise<Table | undefined>): Promise<Table | undefined> {
    const { statementsPerSecond, statementBurst } = this.host.plan;
    const take = () => this.statements.take('', statementsPerSecond, statementBurst);
    let wait = take();
    if (wait === 0) return undefined;
    const isSoon = wait <= longestTurnSeconds;
    if (isSoon) await this.host.sleep(Math.ceil(wait * 1000));
    const found = await look();
    if (found) return found;
    if (isSoon) wait = take();
    if (wait > 0)
      throw new Problem('too-many-requests', 'The endpoints may not start more queries now.', {
        retryAfterSeconds: wait,
      });
    return undefined;
  }

  /** The answer that another instance computed, as exact as one of this instance: only such answers are stored. */
  private async sharedAnswer(pipeline: string, key: string): Promise<Table | undefined> {
    try {
      const text = await this.host.shared.get(pipeline, key);
      if (text === undefined) return undefined;
      const table = parseShared(text);
      this.answers.keep(key, table);
      return table;
    } catch (error) {
      this.host.log('a shared answer could not be read', { error: (error as Error).name });
      return undefined;
    }
  }

  private async shareAnswer(pipeline: string, key: string, table: Table): Promise<void> {
    this.answers.keep(key, table);
    try {
      await this.host.shared.put(pipeline, key, sharedText(table));
    } catch (error) {
      this.host.log('an answer could not be shared', { error: (error as Error).name });
    }
  }

  private async freshAnswer(
    request: ApiRequest,
    asked: Asked,
    served: Served,
    began: number,
    remainingMs: RemainingMs,
  ): Promise<ApiAnswer> {
    const { item, format } = asked;
    const before = await this.known(this.host.freshness(item.pipeline));
    const key = before?.done && `${answerKey(this.host.environment, asked, before.done)}-${format}`;
    const etag = key === undefined ? undefined : etagOf(key);
    const facts = { item, format, freshness: before };
    if (etag !== undefined && isMatch(request, etag)) {
      served.cached = true;
      return notModified(facts, etag);
    }
    const respond = (table: Table, isExact: boolean) => {
      const elapsedMs = this.host.now() - began;
      const cached = served.cached === true;
      return tableAnswer(request, { ...facts, table, elapsedMs, cached, etag: isExact ? etag : undefined });
    };
    const kept = key === undefined ? undefined : this.answers.get(key);
    served.cached = true;
    if (kept) return respond(kept, true);
    const flight = `${key ?? `${sha256(keyText(this.host.environment, asked))}-${format}`}/${JSON.stringify(before?.open ?? [])}`;
    const { table, isExact } = await this.flights.share(flight, async () => {
      const look = async () => (key === undefined ? undefined : this.sharedAnswer(item.pipeline, key));
      const found = (await look()) ?? (await this.admitStatement(look));
      if (found) return { table: found, isExact: true };
      served.cached = false;
      return this.compute(asked, before, key, served, remainingMs);
    });
    return respond(table, isExact);
  }

  /** Runs the statement, whose turn it is. The table is exact for the run if no run was open, and none was finished, before and after it. */
  private async compute(
    asked: Asked,
    before: Freshness | undefined,
    key: string | undefined,
    served: Served,
    remainingMs: RemainingMs,
  ): Promise<{ table: Table; isExact: boolean }> {
    const { item, question, format } = asked;
    const isQuiet = before !== undefined && before.open.length === 0;
    const admit = async () => {
      if (served.statements > 0) await this.admitStatement(async () => undefined);
      served.statements += 1;
    };
    const run = before?.done?.run ?? 'none';
    // Every format has the same rows, so all of them have one statement.
    const shared = isQuiet && before.done ? answerKey(this.host.environment, asked, before.done) : undefined;
    const table = await this.run({ item, question, format, run, shared, admit, remainingMs });
    if (!isQuiet || key === undefined) return { table, isExact: false };
    const after = await this.host.freshness(item.pipeline).catch(() => undefined);
    const isExact = after !== undefined && after.open.length === 0 && isSame(before.done, after.done);
    if (isExact) await this.shareAnswer(item.pipeline, key, table);
    return { table, isExact };
  }

  private async run(request: Parameters<typeof runStatement>[1]): Promise<Table> {
    try {
      return await runStatement(this.host, request);
    } catch (error) {
      if (error instanceof WarehouseAsleepError) throw asleep(error.returning);
      throw error;
    }
  }
}

const notFound = () => new Problem('not-found', 'There is no such endpoint.');

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** Two states of the views are the same if the run and the time of its end are. */
const isSame = (one: FinishedRun | undefined, other: FinishedRun | undefined) =>
  one !== undefined && one.run === other?.run && one.refreshedAt === other.refreshedAt;

/** What an answer depends on besides the views. */
const keyText = (environment: string, { item, question }: Asked) =>
  JSON.stringify([
    environment,
    item.pipeline,
    item.name,
    item.version,
    item.params.map(({ name }) => question.values[name] ?? null),
  ]);

/** Names what a question has as its answer in one state of the views. It shows no parameter. */
const answerKey = (environment: string, asked: Asked, { run, refreshedAt }: FinishedRun) =>
  sha256(JSON.stringify([keyText(environment, asked), run, refreshedAt]));
