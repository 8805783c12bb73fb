import type { Principal } from 'aws-local-kit';

/** A request as it came in, with everything that the event is made of. */
export interface HttpRequest {
  readonly method: string;
  /** Decoded, with its slash. */
  readonly path: string;
  readonly rawQuery: string;
  /** All values of each header, by its name in lower case. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
  readonly protocol: string;
  readonly sourceIp: string;
  readonly requestId: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

export interface EventContext {
  readonly accountId: string;
  readonly apiId: string;
  readonly domainName: string;
  readonly port: number;
  readonly routeKey: string;
  readonly values: Readonly<Record<string, string>>;
  readonly caller?: SignedCaller;
}

export interface SignedCaller {
  readonly principal: Principal;
  readonly accessKey: string;
  /** `<role id>:<session>`. */
  readonly userId: string;
}

/**
 * The event of a Lambda proxy integration, payload format 2.0.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function proxyEvent(request: HttpRequest, context: EventContext): Readonly<Record<string, unknown>> {
  const { headers, body, path, rawQuery } = request;
  const isText = textTypes.test(headers.get('content-type')?.[0] ?? '');
  const query = queryParameters(rawQuery);
  const cookies = (headers.get('cookie') ?? []).flatMap((line) => line.split(/; */)).filter(Boolean);
  return {
    version: '2.0',
    routeKey: context.routeKey,
    rawPath: path,
    rawQueryString: rawQuery,
    ...(cookies.length > 0 && { cookies }),
    headers: eventHeaders(request, context),
    ...(query && { queryStringParameters: query }),
    requestContext: requestContext(request, context),
    ...(Object.keys(context.values).length > 0 && { pathParameters: pathParameters(context.values) }),
    ...(body.length > 0 && { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}

/** Bodies of these types reach the function as text, all others as base64. */
const textTypes = /^(?:text\/|application\/(?:json|xml|javascript)\b|application\/[\w.-]+\+(?:json|xml)\b)/i;

function eventHeaders(request: HttpRequest, { port }: EventContext): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, values] of request.headers)
    if (name !== 'cookie' && !hopByHop.has(name)) headers[name] = values.join(',');
  headers['content-length'] = String(request.body.length);
  headers['x-forwarded-for'] = [...(request.headers.get('x-forwarded-for') ?? []), request.sourceIp].join(', ');
  headers['x-forwarded-port'] = String(port);
  headers['x-forwarded-proto'] = 'http';
  return headers;
}

export const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade']);

/** Values of one name are joined with commas, in their order. Undefined without any. */
export function queryParameters(rawQuery: string): Readonly<Record<string, string>> | undefined {
  const joined = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before},${value}`);
  }
  return joined.size === 0 ? undefined : Object.fromEntries(joined);
}

/** API Gateway decodes the path before it looks for a route, and decodes the values of variables once more. */
function pathParameters(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      try {
        return [name, decodeURIComponent(value)];
      } catch {
        return [name, value];
      }
    }),
  );
}

function requestContext(request: HttpRequest, context: EventContext): Readonly<Record<string, unknown>> {
  const { caller, accountId, apiId, domainName, routeKey } = context;
  return {
    accountId,
    apiId,
    ...(caller && {
      authorizer: {
        iam: {
          accessKey: caller.accessKey,
          accountId: caller.principal.account,
          callerId: caller.userId,
          cognitoIdentity: null,
          principalOrgId: null,
          userArn: caller.principal.arn,
          userId: caller.userId,
        },
      },
    }),
    domainName,
    domainPrefix: apiId,
    http: {
      method: request.method,
      path: request.path,
      protocol: request.protocol,
      sourceIp: request.sourceIp,
      userAgent: request.headers.get('user-agent')?.[0] ?? '',
    },
    requestId: request.requestId,
    routeKey,
    stage: '$default',
    time: commonLogTime(request.at),
    timeEpoch: request.at,
  };
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `12/Mar/2026:19:03:58 +0000`. */
export function commonLogTime(epochMs: number): string {
  const [year = '', month = '', rest = ''] = new Date(epochMs).toISOString().split('-');
  return `${rest.slice(0, 2)}/${months[Number(month) - 1]}/${year}:${rest.slice(3, 11)} +0000`;
}
