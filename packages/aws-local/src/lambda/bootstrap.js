/*
 * What the Lambda runtime does around a handler, in a process of the local runtime. The runtime speaks JSON lines over descriptor 3:
 *   runtime -> process { type: 'invoke', requestId, functionArn, payload, deadlineMs, kill? }
 *   process -> runtime { type: 'ready' } | { type: 'init-error', error } | { type: 'result', requestId, payload } | { type: 'error', requestId, error }
 * deadlineMs is epoch milliseconds of real time; error is { errorType, errorMessage, trace };
 * kill is { call, after }: the process ends at its nth call of AWS in this invocation.
 */
const http = require('node:http');
const https = require('node:https');
const Module = require('node:module');
const net = require('node:net');
const path = require('node:path');

const taskRoot = process.env.LAMBDA_TASK_ROOT;
const [fileName, exportName] = splitHandler(process.env._HANDLER);

const calls = { made: 0, kill: undefined };
const channel = new net.Socket({ fd: 3, readable: true, writable: true });
channel.on('error', () => process.exit(0));
channel.on('close', () => process.exit(0));

redirectDeploymentAnswers();
countCalls();
refuseWhatLambdaDoesNotShip();

let handler;
try {
  handler = require(path.join(taskRoot, `${fileName}.js`))[exportName];
  if (typeof handler !== 'function')
    throw named('Runtime.HandlerNotFound', `${process.env._HANDLER} is undefined or not exported`);
  if (handler.length > 2)
    throw named(
      'Runtime.CallbackHandlerDeprecated',
      `${process.env._HANDLER} takes a callback, which the Node.js runtime no longer supports`,
    );
  send({ type: 'ready' });
} catch (error) {
  send({ type: 'init-error', error: describe(error) }, () => process.exit(1));
}

receive(async (invocation) => {
  const { requestId, payload, kill } = invocation;
  Object.assign(calls, { made: 0, kill });
  try {
    const result = await handler(payload, contextOf(invocation));
    send({ type: 'result', requestId, payload: result === undefined ? null : result });
  } catch (error) {
    send({ type: 'error', requestId, error: describe(error) });
  }
});

function send(message, done) {
  channel.write(`${JSON.stringify(message)}\n`, done);
}

function receive(use) {
  let parts = [];
  channel.setEncoding('utf8').on('data', (text) => {
    const lines = text.split('\n');
    for (const line of lines.slice(0, -1)) {
      use(JSON.parse(parts.join('') + line));
      parts = [];
    }
    parts.push(lines.at(-1));
  });
}

function contextOf({ requestId, functionArn, deadlineMs }) {
  const name = process.env.AWS_LAMBDA_FUNCTION_NAME;
  return {
    awsRequestId: requestId,
    functionName: name,
    functionVersion: '$LATEST',
    invokedFunctionArn: functionArn,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
}

/** CloudFormation's pre-signed URLs are https on port 443 and handlers drop the port, so the one host name is answered by the gateway. */
function redirectDeploymentAnswers() {
  const gateway = new URL(process.env.AWS_ENDPOINT_URL);
  const host = `cloudformation-custom-resource-response.${process.env.AWS_REGION}.local`;
  const request = https.request;
  https.request = (first, ...rest) => {
    const hostname = typeof first === 'string' ? new URL(first).hostname : (first.hostname ?? first.host);
    if (hostname !== host) return request(first, ...rest);
    const source = typeof first === 'string' ? new URL(first) : first;
    const options = source instanceof URL ? { path: source.pathname + source.search } : source;
    const second = typeof rest[0] === 'object' ? rest.shift() : {};
    const target = { hostname: gateway.hostname, host: gateway.hostname, port: gateway.port, protocol: 'http:' };
    return http.request({ ...options, ...second, ...target, agent: undefined }, ...rest);
  };
}

/** An end like that of a machine that fails: no handler runs, no answer is sent. */
function countCalls() {
  const gateway = new URL(process.env.AWS_ENDPOINT_URL);
  const request = http.request;
  const die = () => process.kill(process.pid, 'SIGKILL');
  http.request = (...given) => {
    const target = typeof given[0] === 'string' ? new URL(given[0]) : given[0];
    if (calls.kill === undefined || String(target.port) !== gateway.port) return request(...given);
    calls.made += 1;
    if (calls.made !== calls.kill.call) return request(...given);
    if (!calls.kill.after) die();
    const made = request(...given);
    made.prependListener('response', die);
    return made;
  };
}

/** A bundle may need what it carries, Node itself and the SDK that the Lambda runtime ships; what lies about in the project does not exist in AWS. */
function refuseWhatLambdaDoesNotShip() {
  const resolve = Module._resolveFilename;
  Module._resolveFilename = function (request, parent, ...rest) {
    const fromBundle = !parent?.filename || parent.filename.startsWith(taskRoot + path.sep);
    if (!fromBundle || Module.isBuiltin(request) || request.startsWith('.') || path.isAbsolute(request))
      return resolve.call(this, request, parent, ...rest);
    if (/^@(aws-sdk|smithy|aws)\//.test(request)) return resolve.call(this, request, module, ...rest);
    const found = resolve.call(this, request, parent, ...rest);
    if (found.startsWith(taskRoot + path.sep)) return found;
    throw Object.assign(new Error(`Cannot find module '${request}'`), { code: 'MODULE_NOT_FOUND' });
  };
}

function splitHandler(handlerName) {
  const dot = handlerName.lastIndexOf('.');
  return [handlerName.slice(0, dot), handlerName.slice(dot + 1)];
}

function named(name, message) {
  return Object.assign(new Error(message), { name });
}

function describe(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: String(error.stack).split('\n') };
}
