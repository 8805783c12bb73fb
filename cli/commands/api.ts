import { type Command, Option } from 'commander';
import type { EndpointItem } from '../../lambda/endpoint/contract';
import { typeScriptClient } from '../../sql';
import type { ConnectOptions } from '../cloud/connect';
import { findEnvironment } from '../cloud/environments';
import { LOCAL_ENVIRONMENT } from '../cloud/names';
import { Failure } from '../failure';
import { type Style, styleFor, table } from '../terminal';
import { addressOf, ask, type Called, type CallFormat, type EndpointAnswer, problemText } from './api/call';
import { rotateKeys } from './api/keys';
import { apiSite, endpointName, findEndpoint, knownEndpoints } from './api/site';
import { assignments, lifetime, makeToken, ownTokenSeconds, splitTenant } from './api/token';
import type { CommandIo, Exit } from './context';
import { addEnvironmentOptions, text } from './options';

interface ApiOptions extends ConnectOptions {
  readonly json?: boolean;
}

export function addApi(program: Command, io: CommandIo, exit: Exit): void {
  const api = program
    .command('api')
    .summary('make tokens for endpoints, list and call them')
    .description(
      'Works with the endpoints of the pipelines (docs/endpoints.md): makes tokens, lists and calls endpoints.',
    );
  addToken(api, io);
  addList(api, io);
  addCall(api, io, exit);
  addClient(api, io);
  addRotateKeys(api, io);
}

function addClient(api: Command, io: CommandIo): void {
  api
    .command('client')
    .summary('write a typed client in TypeScript')
    .description(
      'Writes a client for the endpoints of the pipelines to stdout: one file without dependencies, with the types of parameters and rows. ' +
        'Make it again after a deployment that changed an endpoint.\n\n  npx millrace api client > client.ts',
    )
    .option('--environment <name>', 'the environment that the client is for', text('--environment'), LOCAL_ENVIRONMENT)
    .action(({ environment }: { environment: string }) => {
      io.stdout.write(typeScriptClient(knownEndpoints(), findEnvironment(environment).name));
    });
}

const addApiOptions = (command: Command) =>
  addEnvironmentOptions(command).option('--json', 'the result as one JSON object');

const collected = (value: string, before: readonly string[] = []) => [...before, value];

interface TokenOptions extends ApiOptions {
  readonly scope: readonly string[];
  readonly fixed?: readonly string[];
  readonly expires: number;
  readonly rps?: number;
}

function addToken(api: Command, io: CommandIo): void {
  addApiOptions(
    api
      .command('token')
      .summary('make a token for endpoints')
      .description(
        'Makes a token, signed with the newest key of the environment. Whoever has it may ask the endpoints of its scopes until it expires; ' +
          'nothing can take it back before that but rotate-keys --revoke. Reading the keys needs secretsmanager:GetSecretValue on their secret.\n\n' +
          '  npx millrace api token --scope estore.revenue --expires 1h\n' +
          '  npx millrace api token --scope estore.cart --fixed customer_id=customer_7 --rps 5\n' +
          "  npx millrace api token --scope 'pageviews.*' --scope estore.revenue --environment prod",
      )
      .requiredOption('--scope <name>', '<pipeline>.<endpoint> or <pipeline>.*; repeat it for more', collected)
      .option('--fixed <param=value>', 'a value that the caller cannot choose; repeat it for more', collected)
      .option('--expires <time>', 'how long it is valid: 1s to 1d', lifetime('--expires'), 3600)
      .option('--rps <n>', 'requests a second that one instance accepts with it', rate('--rps')),
  ).action(async (options: TokenOptions) => {
    const { token, claims } = await makeToken(options, {
      scopes: options.scope,
      fixed: assignments('--fixed', options.fixed ?? []),
      seconds: options.expires,
      ...(options.rps === undefined ? {} : { rps: options.rps }),
    });
    const expires = new Date(claims.exp * 1000).toISOString();
    if (options.json) return void io.stdout.write(`${JSON.stringify({ token, expires, claims })}\n`);
    io.stdout.write(`${token}\n`);
    io.stderr.write(`valid until ${expires} for ${claims.scopes.join(', ')}\n`);
  });
}

function rate(flag: string): (value: string) => number {
  return (value) => {
    const number = /^\d+(\.\d+)?$/.test(value) ? Number(value) : 0;
    if (number > 0 && number <= 1000) return number;
    throw new Failure(`${flag} must be a number above 0, at most 1,000, got '${value}'`, 2);
  };
}

function addList(api: Command, io: CommandIo): void {
  addApiOptions(
    api
      .command('list')
      .summary('list the endpoints with their parameters and addresses')
      .description(
        'Lists the endpoints of the pipelines. The documentation of the API is at <address>/docs.\n\n  npx millrace api list',
      ),
  ).action((options: ApiOptions) => {
    const { environment, url } = apiSite(options);
    const endpoints = knownEndpoints().map((item) => ({
      endpoint: endpointName(item),
      description: item.description ?? null,
      url: addressOf(url, item, 'json', {}),
      tenant: item.tenant ?? null,
      params: item.params,
      columns: item.columns,
    }));
    if (options.json)
      return void io.stdout.write(`${JSON.stringify({ environment, url, docs: `${url}/docs`, endpoints })}\n`);
    const rows = endpoints.map(({ endpoint, url: address, params, tenant }) => [
      endpoint,
      params.map((param) => shownParam(param, tenant)).join(', '),
      address,
    ]);
    const style = styleFor(io.stdout, io.env);
    io.stdout.write(`${table(['endpoint', 'parameters', 'address'], rows, style, { longest: 120 })}\n\n`);
    io.stdout.write(`${url}/docs has the documentation, ${url}/openapi.json its description for tools.\n`);
  });
}

const shownParam = ({ name, type, required }: EndpointItem['params'][number], tenant: string | null) =>
  name === tenant ? `${name} ${type} (fixed by the token)` : `${name}${required ? '' : '?'} ${type}`;

interface CallOptions extends ApiOptions {
  readonly format: CallFormat;
  readonly token?: string;
}

function addCall(api: Command, io: CommandIo, exit: Exit): void {
  addApiOptions(
    api
      .command('call <endpoint> [param=value...]')
      .summary('ask an endpoint')
      .description(
        'Asks an endpoint over HTTPS, as its callers do. Without --token it makes one for this endpoint that is valid for a minute; the tenant is then fixed in it. ' +
          'Exit code 1 unless the answer is 200.\n\n' +
          '  npx millrace api call estore.revenue since=2026-11-01 limit=5\n' +
          '  npx millrace api call estore.cart customer_id=customer_7 --format csv\n' +
          '  npx millrace api call estore.revenue --environment prod --json',
      )
      .addOption(
        new Option('--format <format>', 'table for people, or the answer as it came')
          .choices(['table', 'json', 'csv', 'ndjson'])
          .default('table'),
      )
      .option('--token <token>', 'ask with this token, from api token', text('--token')),
  ).action(async (name: string, params: readonly string[], options: CallOptions) => {
    const item = findEndpoint(name, knownEndpoints(), 'the endpoint');
    const values = assignments('a parameter', params);
    const { tenant } = item;
    if (options.token === undefined && tenant !== undefined && !Object.hasOwn(values, tenant))
      throw new Failure(`${name} needs ${tenant}=<value>, the tenant, or --token with a token that fixes it`, 2);
    const { fixed, query } = splitTenant(values, options.token === undefined ? tenant : undefined);
    const token =
      options.token ?? (await makeToken(options, { scopes: [name], fixed, seconds: ownTokenSeconds })).token;
    const format = options.json || options.format === 'table' ? 'json' : options.format;
    const called = await ask(addressOf(apiSite(options).url, item, format, query), token);
    if (called.status !== 200) throw new Failure(problemText(called.status, called.text));
    if (options.json || options.format !== 'table') io.stdout.write(called.text.replace(/\n?$/, '\n'));
    else io.stdout.write(answerText(called, styleFor(io.stdout, io.env)));
    exit.code = 0;
  });
}

function answerText({ text: body, milliseconds }: Called, style: Style): string {
  const { meta, data, rows, truncated, freshness, statistics } = JSON.parse(body) as EndpointAnswer;
  const cells = data.map((row) =>
    meta.map(({ name }) => {
      const value = row[name] ?? null;
      return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as string | number | boolean);
    }),
  );
  const shown = table(
    meta.map(({ name }) => name),
    cells,
    style,
    { asIs: true },
  );
  const facts = [
    `${rows} rows${truncated ? ', more were left out' : ''}`,
    `${milliseconds} ms${statistics.cached ? ', kept answer' : ''}`,
    freshness.refreshedAt === null ? 'never refreshed' : `refreshed ${freshness.refreshedAt}`,
    ...(freshness.completeUntil === null ? [] : [`complete until ${freshness.completeUntil}`]),
  ];
  return `${shown}\n\n${style.dim(facts.join(' · '))}\n`;
}

interface RotateOptions extends ApiOptions {
  readonly revoke?: boolean;
}

function addRotateKeys(api: Command, io: CommandIo): void {
  addApiOptions(
    api
      .command('rotate-keys')
      .summary('add a key that signs tokens, and remove expired ones')
      .description(
        'Adds a key to the secret. New tokens are signed with it. Older keys stay until their last token has expired, a day after the rotation; ' +
          'the next rotation then removes them. With --revoke all tokens end at once: functions notice within five minutes.\n\n' +
          '  npx millrace api rotate-keys --environment prod\n' +
          '  npx millrace api rotate-keys --environment prod --revoke',
      )
      .option('--revoke', 'remove all older keys now, after one was lost'),
  ).action(async (options: RotateOptions) => {
    const site = apiSite(options);
    const { keys, added, removed, kept } = rotateKeys(await site.keys(), {
      nowMs: Date.now(),
      revoke: options.revoke === true,
    });
    await site.writeKeys(keys);
    if (options.json) return void io.stdout.write(`${JSON.stringify({ added, removed, kept })}\n`);
    const lists = [
      `added ${added}, which signs from now on`,
      ...(removed.length > 0 ? [`removed ${removed.join(', ')}`] : []),
      ...(kept.length > 0 ? [`kept ${kept.join(', ')}, whose tokens may be valid for up to a day`] : []),
    ];
    io.stdout.write(`${lists.join('\n')}\n`);
  });
}
