import { asRecord, asText } from '../shared/parse';

/** A request of the HTTP API, as far as it is used. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestId: string;
  /** The caller whose signature API Gateway has verified. @default - none */
  readonly signer?: { readonly arn: string; readonly accountId: string };
  /** Account of the API. */
  readonly accountId: string;
}

/** The answer to API Gateway, payload format 2.0. */
export interface ApiAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** Reads an event of payload format 2.0. Throws on anything else. */
export function parseRequest(event: unknown): ApiRequest {
  const { rawPath, rawQueryString, headers, requestContext } = asRecord(event, 'event');
  const context = asRecord(requestContext, 'event.requestContext');
  const iam = asRecord(asRecord(context['authorizer'] ?? {}, 'authorizer')['iam'] ?? {}, 'authorizer.iam');
  return {
    method: asText(asRecord(context['http'], 'event.requestContext.http')['method'], 'method'),
    path: asText(rawPath, 'event.rawPath'),
    query: asText(rawQueryString ?? '', 'event.rawQueryString'),
    headers: lowerCase(asRecord(headers ?? {}, 'event.headers')),
    requestId: asText(context['requestId'] ?? '', 'event.requestContext.requestId'),
    accountId: asText(context['accountId'] ?? '', 'event.requestContext.accountId'),
    ...(typeof iam['userArn'] === 'string'
      ? { signer: { arn: iam['userArn'], accountId: asText(iam['accountId'], 'authorizer.iam.accountId') } }
      : {}),
  };
}

const lowerCase = (headers: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name.toLowerCase(), value]] : [],
    ),
  );

export const formats = ['json', 'csv', 'ndjson'] as const;
export type Format = (typeof formats)[number];

export type Route =
  | { readonly kind: 'openapi' | 'docs' }
  | {
      readonly kind: 'endpoint';
      /** `token`: below `/v1`. `iam`: below `/iam/v1`, where API Gateway demands a signature. */
      readonly access: 'token' | 'iam';
      readonly pipeline: string;
      readonly name: string;
      readonly format: Format;
    };

const endpointPath = /^(\/iam)?\/v1\/([a-z][a-z0-9_]{0,127})\/([a-z][a-z0-9_]{0,127})\.(json|csv|ndjson)$/;

/** Undefined for a path that no route has. */
export function routeOf(path: string): Route | undefined {
  if (path === '/openapi.json') return { kind: 'openapi' };
  if (path === '/docs') return { kind: 'docs' };
  const match = endpointPath.exec(path);
  if (!match) return undefined;
  const [, iam, pipeline, name, format] = match as unknown as [string, string?, string?, string?, Format?];
  return { kind: 'endpoint', access: iam ? 'iam' : 'token', pipeline: pipeline!, name: name!, format: format! };
}
