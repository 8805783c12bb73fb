import type { EndpointColumn, EndpointItem, EndpointParam } from '../../lambda/endpoint/contract';

type Json = Readonly<Record<string, unknown>>;

/** A JSON Schema of the values of a column in an answer. */
export function columnSchema({ type }: Pick<EndpointColumn, 'type'>): Json {
  const base = type.replace(/\(.*$/, '').trim();
  return schemasOfTypes[base] ?? { type: ['string', 'null'], description: `Redshift's ${type}, as a text.` };
}

const nullable = (type: string, rest: Json = {}): Json => ({ type: [type, 'null'], ...rest });
const wholeText = nullable('string', { pattern: '^-?[0-9]+$' });
const decimalText = nullable('string', { pattern: '^-?[0-9]+(\\.[0-9]+)?$' });
/** JSON has no NaN and no infinity, so these are texts. */
const double: Json = { oneOf: [{ type: ['number', 'null'] }, { enum: ['NaN', 'Infinity', '-Infinity'] }] };
const time = nullable('string', { format: 'date-time' });

const schemasOfTypes: Readonly<Record<string, Json>> = {
  smallint: nullable('integer'),
  integer: nullable('integer'),
  bigint: wholeText,
  decimal: decimalText,
  numeric: decimalText,
  real: double,
  double,
  'double precision': double,
  boolean: nullable('boolean'),
  date: nullable('string', { format: 'date' }),
  timestamp: time,
  timestamptz: time,
  super: { description: 'Any JSON value.' },
};

/** A JSON Schema of the texts that a parameter takes in a query string. */
export function paramSchema(param: EndpointParam): Json {
  const limits = param.type === 'integer' ? wholeLimits(param) : {};
  return {
    ...baseSchema(param),
    ...limits,
    ...(param.default === undefined ? {} : { default: typed(param, param.default) }),
  };
}

function baseSchema({ type, oneOf, maxBytes = 256, precision = 38, scale = 0 }: EndpointParam): Json {
  if (type === 'varchar')
    return oneOf
      ? { type: 'string', enum: oneOf }
      : { type: 'string', minLength: 1, maxLength: maxBytes, description: `At most ${maxBytes} bytes of UTF-8.` };
  if (type === 'integer') return { type: 'integer', format: 'int32' };
  if (type === 'bigint') return { type: 'string', pattern: '^-?[0-9]{1,19}$' };
  if (type === 'decimal') return { type: 'string', pattern: decimalPattern(precision, scale) };
  if (type === 'boolean') return { type: 'boolean' };
  if (type === 'date') return { type: 'string', format: 'date' };
  return { type: 'string', format: 'date-time', description: 'ISO 8601. Without an offset it is in UTC.' };
}

const decimalPattern = (precision: number, scale: number) =>
  `^-?[0-9]{1,${Math.max(1, precision - scale)}}${scale > 0 ? `(\\.[0-9]{1,${scale}})?` : ''}$`;

const wholeLimits = ({ min, max }: EndpointParam): Json => ({
  minimum: Number(min ?? -2147483648),
  maximum: Number(max ?? 2147483647),
});

function typed({ type }: EndpointParam, text: string): unknown {
  if (type === 'integer') return Number(text);
  return type === 'boolean' ? text === 'true' : text;
}

/** Bounds that a schema of a text cannot hold. */
function boundsSentence({ type, min, max }: EndpointParam): string | undefined {
  if (type === 'integer') return undefined;
  if (min !== undefined && max !== undefined) return `From ${min} to ${max}.`;
  if (min !== undefined) return `From ${min}.`;
  return max === undefined ? undefined : `Up to ${max}.`;
}

export interface ApiOptions {
  readonly environment: string;
  /** Address of the API. @default - the address that serves the document */
  readonly url?: string;
}

const formats = ['json', 'csv', 'ndjson'] as const;
type Format = (typeof formats)[number];

/** The OpenAPI 3.1 document of an environment's endpoints. */
export function openApiDocument(items: readonly EndpointItem[], { environment, url = '/' }: ApiOptions): Json {
  const sorted = [...items].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  return {
    openapi: '3.1.0',
    info: {
      title: `Millrace ${environment}`,
      version: '1',
      description:
        'Queries over the views. Every answer names the run that refreshed its views. Errors are RFC 9457 problems.',
    },
    servers: [{ url }],
    tags: [...new Set(sorted.map(({ pipeline }) => pipeline))].map((name) => ({ name })),
    paths: Object.fromEntries(sorted.flatMap(pathsOf)),
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'From `millrace api token`.' },
        partner: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: "AWS Signature Version 4 of a partner's role, for the service execute-api.",
          'x-amazon-apigateway-authtype': 'awsSigv4',
        },
      },
      schemas: {
        ...Object.fromEntries(sorted.map((item) => [`${idOf(item)}_row`, rowSchema(item)])),
        freshness: freshnessSchema,
        problem: problemSchema,
      },
      headers: answerHeaders,
      responses: errorResponses,
    },
  };
}

const idOf = ({ pipeline, name }: EndpointItem) => `${pipeline}_${name}`;

const pathsOf = (item: EndpointItem): [string, Json][] =>
  (['token', 'partner'] as const).flatMap((security) =>
    formats.map((format): [string, Json] => [
      `${security === 'partner' ? '/iam' : ''}/v1/${item.pipeline}/${item.name}.${format}`,
      { get: operation(item, format, security) },
    ]),
  );

function operation(item: EndpointItem, format: Format, security: 'token' | 'partner'): Json {
  const suffix = `${format === 'json' ? '' : `_${format}`}${security === 'partner' ? '_as_partner' : ''}`;
  return {
    operationId: `${idOf(item)}${suffix}`,
    tags: [item.pipeline],
    summary: `${item.pipeline}.${item.name} as ${format.toUpperCase()}`,
    ...(item.description === undefined ? {} : { description: item.description }),
    'x-millrace': { views: item.views, ...(item.tenant === undefined ? {} : { tenant: item.tenant }) },
    security: [{ [security]: [] }],
    parameters: item.params
      // The token or the partner's access has its value, and a request may not.
      .filter(({ name }) => name !== item.tenant)
      .map((param) => ({
        name: param.name,
        in: 'query',
        required: param.required,
        ...describedParam(param),
        schema: paramSchema(param),
      })),
    responses: {
      200: {
        description: `At most ${item.maxRows} rows; \`truncated\` says whether there are more.`,
        headers: headerRefs,
        content: contentOf(item, format),
      },
      304: { description: 'The rows have not changed since the answer with this ETag.', headers: headerRefs },
      ...Object.fromEntries(
        Object.keys(errorResponses).map((code) => [code, { $ref: `#/components/responses/${code}` }]),
      ),
    },
  };
}

function describedParam(param: EndpointParam): Json {
  const text = [param.description, boundsSentence(param)].filter((part) => part !== undefined).join(' ');
  return text === '' ? {} : { description: text };
}

function contentOf(item: EndpointItem, format: Format): Json {
  const row = { $ref: `#/components/schemas/${idOf(item)}_row` };
  if (format === 'csv') return { 'text/csv': { schema: { type: 'string' } } };
  if (format === 'ndjson') return { 'application/x-ndjson': { schema: { type: 'string' } } };
  return { 'application/json': { schema: answerSchema(item, row) } };
}

const rowSchema = ({ columns }: EndpointItem): Json => ({
  type: 'object',
  properties: Object.fromEntries(
    columns.map((column) => [column.name, { ...columnSchema(column), 'x-redshift-type': column.type }]),
  ),
  required: columns.map(({ name }) => name),
  additionalProperties: false,
});

const answerSchema = (item: EndpointItem, row: Json): Json => ({
  type: 'object',
  properties: {
    meta: {
      type: 'array',
      items: {
        type: 'object',
        properties: { name: { type: 'string' }, type: { type: 'string' } },
        required: ['name', 'type'],
      },
    },
    data: { type: 'array', maxItems: item.maxRows, items: row },
    rows: { type: 'integer', minimum: 0, maximum: item.maxRows },
    statistics: {
      type: 'object',
      properties: { elapsedMs: { type: 'number' }, cached: { type: 'boolean' } },
      required: ['elapsedMs', 'cached'],
    },
    freshness: { $ref: '#/components/schemas/freshness' },
    truncated: { type: 'boolean' },
  },
  required: ['meta', 'data', 'rows', 'statistics', 'freshness', 'truncated'],
});

const freshnessSchema: Json = {
  type: 'object',
  description: 'The run that the rows come from. All members are null before the first run.',
  properties: {
    run: nullable('string'),
    refreshedAt: nullable('string', { format: 'date-time', description: 'When the views of the run were complete.' }),
    completeUntil: nullable('string', {
      format: 'date-time',
      description: 'Every event that arrived before it is in the views.',
    }),
    refreshing: {
      type: 'boolean',
      description: 'True while a run refreshes the views. The rows may then be newer than the run.',
    },
    failed: {
      type: 'array',
      items: { type: 'string' },
      description: 'Views of the endpoint that the run could not refresh. Their rows are of an earlier run.',
    },
  },
  required: ['run', 'refreshedAt', 'completeUntil', 'refreshing'],
};

const problemSchema: Json = {
  type: 'object',
  description: 'RFC 9457.',
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string', description: 'Has the id of the request, as in the logs.' },
    violations: {
      type: 'array',
      items: {
        type: 'object',
        properties: { param: { type: 'string' }, detail: { type: 'string' } },
        required: ['param', 'detail'],
      },
    },
  },
  required: ['title', 'status'],
};

const text = (description: string, schema: Json = { type: 'string' }): Json => ({ description, schema });
const flag: Json = { type: 'string', enum: ['true', 'false'] };
const answerHeaders: Json = {
  ETag: text('Send it as If-None-Match. Absent if the answer is not exact for the run.'),
  'Millrace-Run': text('The run that the rows come from.'),
  'Millrace-Refreshed-At': text('When the views of the run were complete.', { type: 'string', format: 'date-time' }),
  'Millrace-Complete-Until': text('Every event that arrived before it is in the views.', {
    type: 'string',
    format: 'date-time',
  }),
  'Millrace-Refreshing': text('Whether a run refreshes the views.', flag),
  'Millrace-Rows': text('The number of rows.'),
  'Millrace-Truncated': text('Whether the query has more rows.', flag),
  'Millrace-Failed-Views': text('Views of the endpoint that the run could not refresh.'),
};
const headerRefs: Json = Object.fromEntries(
  Object.keys(answerHeaders).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
);

const problem = (description: string, headers: Json = {}): Json => ({
  description,
  ...(Object.keys(headers).length > 0 ? { headers } : {}),
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/problem' } } },
});
const retryAfter = { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } } };

/** What API Gateway answers itself, it answers as `{"message": "…"}`. */
const refused = (description: string, headers: Json = {}): Json => ({
  description,
  ...(Object.keys(headers).length > 0 ? { headers } : {}),
  content: {
    'application/problem+json': { schema: { $ref: '#/components/schemas/problem' } },
    'application/json': { schema: { type: 'object', properties: { message: { type: 'string' } } } },
  },
});

const errorResponses: Readonly<Record<string, Json>> = {
  400: problem('Parameters are unknown, repeated, missing or not allowed. All of them are in `violations`.'),
  401: problem('There is no token, or it is not valid.', {
    'WWW-Authenticate': { description: 'What is wrong with the token.', schema: { type: 'string' } },
  }),
  403: refused('The caller has no access to this endpoint, or cannot choose a parameter.'),
  404: refused('There is no such endpoint.'),
  413: problem('The answer has more than 5 MB.'),
  429: refused('The caller, or all callers together, ask too much.', retryAfter),
  500: refused('The query failed in the warehouse, or the request failed.'),
  503: refused('The warehouse is paused or coming back, or the API is overloaded.', retryAfter),
  504: refused('The query took too long and was cancelled.'),
};
