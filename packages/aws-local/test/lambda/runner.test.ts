import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { constants, getPriority } from 'node:os';
import { join } from 'node:path';
import { createProcesses } from '../../src/lambda/processes';
import { createRunner, environmentOf, type FunctionRunner, type FunctionSettings } from '../../src/lambda/runner';

// Below the project, as real assets are: there the project's own packages would be found.
const build = join(__dirname, '../../../../build');
mkdirSync(build, { recursive: true });
const folder = realpathSync(mkdtempSync(join(build, 'runner-test-')));
const runners: FunctionRunner[] = [];
const processes = createProcesses();
afterAll(async () => {
  await Promise.all(runners.map((runner) => runner.dispose()));
  await processes.dispose();
  rmSync(folder, { recursive: true, force: true });
});

function settings(changes: Partial<FunctionSettings> = {}): FunctionSettings {
  return {
    name: 'probe',
    arn: 'arn:aws:lambda:eu-west-1:000000000000:function:probe',
    handler: 'index.handler',
    taskRoot: folder,
    region: 'eu-west-1',
    endpoint: 'http://127.0.0.1:4566',
    credentials: { accessKeyId: 'ASIAPROBE', secretAccessKey: 'secret', sessionToken: 'token' },
    timeoutSeconds: 20,
    memoryMegabytes: 256,
    logGroup: '/aws/lambda/probe',
    variables: {},
    concurrency: 2,
    ...changes,
  };
}

function runnerOf(
  code: string,
  changes: Partial<FunctionSettings> = {},
  onOutput: (text: string) => void = () => {},
): FunctionRunner {
  const file = `f${runners.length}`;
  writeFileSync(join(folder, `${file}.js`), code);
  const runner = createRunner(settings({ handler: `${file}.handler`, ...changes }), onOutput, processes);
  runners.push(runner);
  return runner;
}

test('a function sees its own variables, its credentials and nothing of the parent', async () => {
  process.env['MILLRACE_TEST_LEAK'] = 'leaked';
  const runner = runnerOf('exports.handler = async () => ({ env: { ...process.env }, argv: process.execArgv });', {
    variables: { PIPELINE: 'estore' },
  });
  const { payload } = await runner.invoke({});
  delete process.env['MILLRACE_TEST_LEAK'];
  const { env, argv } = payload as { env: Record<string, string>; argv: string[] };
  const expected = environmentOf(settings({ variables: { PIPELINE: 'estore' } }));
  expect(
    Object.keys(env)
      .filter((name) => name !== '__CF_USER_TEXT_ENCODING')
      .sort(),
  ).toEqual(Object.keys(expected).sort());
  expect(env).toMatchObject({
    PIPELINE: 'estore',
    AWS_ACCESS_KEY_ID: 'ASIAPROBE',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
  });
  expect(argv).toEqual([]);
});

test('a bundle gets the SDK that Lambda ships, and no other package of the project', async () => {
  const runner = runnerOf(`exports.handler = async ({ name }) => typeof require(name);`);
  expect((await runner.invoke({ name: '@aws-sdk/client-s3' })).payload).toBe('object');
  expect((await runner.invoke({ name: 'constructs' })).error).toMatchObject({
    errorMessage: "Cannot find module 'constructs'",
  });
});

test('passes the event and the context, and answers null for undefined', async () => {
  const runner = runnerOf(
    `exports.handler = async (event, context) => event.nothing ? undefined : [event.x, context.functionName, context.invokedFunctionArn, context.getRemainingTimeInMillis() <= 20000];`,
  );
  expect(await runner.invoke({ x: 7 })).toEqual({
    payload: [7, 'probe', 'arn:aws:lambda:eu-west-1:000000000000:function:probe', true],
  });
  expect(await runner.invoke({ nothing: true })).toEqual({ payload: null });
});

test('an error of the handler is the answer, and the process stays warm', async () => {
  const runner = runnerOf(
    `let calls = 0; exports.handler = async (event) => { calls += 1; if (event.fail) throw new TypeError('no price'); return calls; };`,
  );
  expect((await runner.invoke({ fail: true })).error).toMatchObject({
    errorType: 'TypeError',
    errorMessage: 'no price',
  });
  expect((await runner.invoke({})).payload).toBe(2);
});

test('a timeout kills the process, and the next invocation gets a new one', async () => {
  const runner = runnerOf(
    `exports.handler = (event) => event.hang ? new Promise(() => setInterval(() => {}, 1000)) : Promise.resolve(process.pid);`,
    { timeoutSeconds: 0.05 },
  );
  const first = (await runner.invoke({})).payload;
  expect((await runner.invoke({ hang: true })).error).toMatchObject({ errorType: 'Sandbox.Timedout' });
  const second = (await runner.invoke({})).payload;
  expect(second).not.toBe(first);
});

test('a crash and code that does not load are errors of the invocation', async () => {
  const crashing = runnerOf('exports.handler = async () => process.exit(3);');
  expect((await crashing.invoke({})).error).toEqual({
    errorType: 'Runtime.ExitError',
    errorMessage: 'Runtime exited with error: exit status 3',
  });
  const broken = runnerOf("throw new Error('no plan.json');");
  expect((await broken.invoke({})).error).toMatchObject({ errorMessage: 'no plan.json' });
  const missing = runnerOf('exports.other = 1;');
  expect((await missing.invoke({})).error).toMatchObject({ errorType: 'Runtime.HandlerNotFound' });
});

test('a process dies at the call that it is told, before it is made or after its answer, and the next one does not', async () => {
  let calls = 0;
  const server = createServer((_, response) => {
    calls += 1;
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const runner = runnerOf(
    `const http = require('node:http');
const call = () => new Promise((resolve, reject) =>
  http.request(process.env.AWS_ENDPOINT_URL, (response) => response.resume().on('end', resolve)).on('error', reject).end());
exports.handler = async () => { for (let n = 0; n < 4; n++) await call(); return 'done'; };`,
    { endpoint },
  );
  try {
    const exit = { errorType: 'Runtime.ExitError', errorMessage: 'Runtime exited with signal SIGKILL' };
    expect((await runner.invoke({}, undefined, { call: 3, after: false })).error).toEqual(exit);
    expect(calls).toBe(2);
    expect((await runner.invoke({}, undefined, { call: 3, after: true })).error).toEqual(exit);
    expect(calls).toBe(5);
    expect((await runner.invoke({})).payload).toBe('done');
    expect(calls).toBe(9);
  } finally {
    server.close();
  }
});

test('runs no more processes at the same time than its concurrency', async () => {
  const runner = runnerOf(`exports.handler = async () => process.pid;`, { concurrency: 2 });
  const answers = await Promise.all(Array.from({ length: 12 }, () => runner.invoke({})));
  expect(new Set(answers.map(({ payload }) => payload)).size).toBeLessThanOrEqual(2);
});

test('invocations that follow quickly share a process, and one that waits for a long one gets another', async () => {
  const runner = runnerOf(
    `exports.handler = async ({ ms }) => { if (ms) await new Promise((resolve) => setTimeout(resolve, ms)); return process.pid; };`,
    { concurrency: 2 },
  );
  const pids = async (...waits: number[]) =>
    new Set((await Promise.all(waits.map((ms) => runner.invoke({ ms })))).map(({ payload }) => payload)).size;
  expect(await pids(0, 0, 0, 0)).toBe(1);
  expect(await pids(5_000, 0)).toBe(2);
});

test('a queue of short invocations gets no further process while they end one after the other', async () => {
  const runner = runnerOf(
    `exports.handler = async () => { const until = Date.now() + 10; while (Date.now() < until); return process.pid; };`,
    { concurrency: 10 },
  );
  await runner.invoke({});
  const results = await Promise.all(Array.from({ length: 12 }, () => runner.invoke({})));
  // One, but on a busy machine an invocation may take longer than the others wait. Without the rule there are ten.
  expect(new Set(results.map(({ payload }) => payload)).size).toBeLessThanOrEqual(3);
});

test('what the function prints goes to the log', async () => {
  let printed = '';
  const runner = runnerOf(
    `exports.handler = async () => { console.log('one line'); console.error('another'); };`,
    {},
    (text) => {
      printed += text;
    },
  );
  await runner.invoke({});
  await runner.dispose();
  expect(printed).toContain('one line\n');
  expect(printed).toContain('another\n');
});

test('answers to CloudFormation on port 443 reach the gateway, with any other host left alone', async () => {
  const received: string[] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      received.push(`${request.method} ${request.url} ${body}`);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const runner = runnerOf(
    `const https = require('https');
     exports.handler = (event) => new Promise((resolve, reject) => {
       const request = https.request({ hostname: event.host, path: '/answer/1?x=2', method: 'PUT', headers: { 'content-length': 2 } }, (response) => { response.resume(); resolve(response.statusCode); });
       request.on('error', (error) => resolve(error.code));
       request.end('{}');
     });`,
    { endpoint },
  );
  expect((await runner.invoke({ host: 'cloudformation-custom-resource-response.eu-west-1.local' })).payload).toBe(200);
  expect((await runner.invoke({ host: 'other.invalid' })).payload).not.toBe(200);
  expect(received).toEqual(['PUT /answer/1?x=2 {}']);
  server.close();
});

test('a process that no caller waits for yields to the others', async () => {
  const code = `exports.handler = async () => require('node:os').getPriority();`;
  const mine = getPriority();
  expect((await runnerOf(code).invoke({})).payload).toBe(mine);
  const yielding = await runnerOf(code).invoke({}, undefined, undefined, {});
  expect(yielding.payload).toBe(Math.min(mine + 10, constants.priority.PRIORITY_LOW));
});
