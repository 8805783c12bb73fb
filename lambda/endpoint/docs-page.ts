import { createHash } from 'node:crypto';
import { script, style } from './docs-assets';
import type { ApiAnswer, ApiRequest } from './request';
import { compressed } from './response';

/** The parts of the OpenAPI document that the page shows. */
interface Document {
  readonly info: { readonly title: string; readonly description: string };
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, Answer>>;
  };
}

interface Operation {
  readonly operationId: string;
  readonly description?: string;
  readonly parameters: readonly Parameter[];
  readonly responses: Readonly<Record<string, Partial<Answer>>>;
  readonly 'x-millrace'?: { readonly tenant?: string; readonly views: readonly string[] };
}

interface Answer {
  readonly description: string;
}

interface Parameter {
  readonly name: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly 'x-redshift-type'?: string;
}

interface Endpoint {
  /** `/v1/estore/revenue`, without a suffix. */
  readonly path: string;
  /** `estore.revenue`. */
  readonly name: string;
  readonly operation: Operation;
  readonly columns: Readonly<Record<string, Schema>>;
}

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const policy = [
  "default-src 'none'",
  `style-src ${hash(style)}`,
  `script-src ${hash(script)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page of documentation, from the OpenAPI document. It loads nothing. */
export const docsAnswer = (openapi: unknown, request: ApiRequest): ApiAnswer =>
  compressed(
    request,
    {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
      'cache-control': 'public, max-age=60',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    },
    page(openapi as Document),
  );

function page(document: Document): string {
  const { info } = document;
  const endpoints = endpointsOf(document);
  const pipelines = [...new Set(endpoints.map(({ name }) => name.split('.')[0]!))];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(info.title)}</title><style>${style}</style></head>
<body><div class="frame"><nav aria-label="Endpoints">${pipelines.map((each) => links(each, endpoints)).join('')}</nav><main>
<h1>${html(info.title)}</h1>
<p>${html(info.description)} <a href="/openapi.json">/openapi.json</a> describes them for tools (OpenAPI 3.1).</p>
<section aria-labelledby="how"><h2 id="how">How to ask</h2>
<p>Send a token with each request, or sign it as a role of a partner and ask below <code>/iam/v1</code> (AWS Signature Version 4,
service <code>execute-api</code>). The suffixes <code>.json</code>, <code>.csv</code> and <code>.ndjson</code> choose the format.</p>
<pre>curl -H "Authorization: Bearer $TOKEN" '…${html(endpoints[0]?.path ?? '/v1/pipeline/endpoint')}.json'</pre>
<p><label>Token for trying requests here <span class="muted">it stays in this page</span>
<input id="token" type="password" autocomplete="off"></label></p></section>
${endpoints.map((endpoint) => section(endpoint, document)).join('\n') || '<p>There are no endpoints.</p>'}
</main></div><script>${script}</script></body></html>
`;
}

const endpointsOf = ({ paths, components }: Document): Endpoint[] =>
  Object.entries(paths).flatMap(([path, { get }]) => {
    const [, pipeline, name] = /^\/v1\/([^/]+)\/([^/]+)\.json$/.exec(path) ?? [];
    if (name === undefined) return [];
    const columns = components.schemas[`${get.operationId}_row`]?.properties ?? {};
    return [{ path: path.slice(0, -'.json'.length), name: `${pipeline}.${name}`, operation: get, columns }];
  });

function links(pipeline: string, endpoints: readonly Endpoint[]): string {
  const own = endpoints.filter(({ name }) => name.startsWith(`${pipeline}.`));
  const items = own.map(
    ({ operation, name }) => `<li><a href="#${html(operation.operationId)}">${html(name.split('.')[1]!)}</a></li>`,
  );
  return `<strong>${html(pipeline)}</strong><ul>${items.join('')}</ul>`;
}

function section({ path, name, operation, columns }: Endpoint, { components }: Document): string {
  const { operationId, description, parameters, responses, 'x-millrace': facts } = operation;
  const answers = Object.entries(responses).map(([code, { description: own }]) => [
    code,
    html(own ?? components.responses[code]?.description ?? ''),
  ]);
  return `<section aria-labelledby="${html(operationId)}"><h2 id="${html(operationId)}">${html(name)}</h2>
${description === undefined ? '' : `<p>${html(sentence(description))}</p>`}
<p class="path"><code>GET ${html(path)}.json</code></p>
${facts === undefined ? '' : `<p class="muted">${html(factsText(facts, parameters))}</p>`}
<h3>Columns</h3>
${table(
  ['Name', 'Type', 'In JSON'],
  Object.entries(columns).map(([column, schema]) => [
    `<code>${html(column)}</code>`,
    `<code>${html(schema['x-redshift-type'] ?? '')}</code>`,
    html(typeOf(schema)),
  ]),
)}
<h3>Try it</h3>
<form data-path="${html(path)}">${parameters.length === 0 ? '' : `<div class="fields">${parameters.map(field).join('')}</div>`}
<p class="actions"><button>Ask</button><label>Format <select data-format><option>json</option><option>csv</option><option>ndjson</option></select></label></p>
<output></output></form>
<details><summary>Answers by status</summary>${table(['Status', 'Meaning'], answers)}</details></section>`;
}

function factsText({ tenant, views }: NonNullable<Operation['x-millrace']>, parameters: readonly Parameter[]): string {
  const parts = [`Reads ${views.join(', ')}.`];
  if (tenant !== undefined) parts.push(`The token fixes ${tenant}, so a request must not have it.`);
  const required = parameters.filter((param) => param.required).map((param) => param.name);
  if (required.length > 0) parts.push(`Required: ${required.join(', ')}.`);
  return parts.join(' ');
}

function field({ name, required, description, schema }: Parameter): string {
  const { enum: values, default: standard, minimum, maximum } = schema;
  const id = html(name);
  const type = `${html(typeOf(schema))}${required ? ', required' : ''}`;
  const bounds = minimum !== undefined && maximum !== undefined ? `From ${minimum} to ${maximum}.` : undefined;
  const hints = [description, schema.description, bounds].filter((hint) => hint !== undefined).map(sentence);
  const options = ['', ...(values ?? [])].map((value) => `<option>${html(value)}</option>`).join('');
  const attributes = `name="${id}"${required ? ' required' : ''}`;
  const input = values
    ? `<select ${attributes}>${options}</select>`
    : `<input ${attributes} autocomplete="off" spellcheck="false" placeholder="${html(String(standard ?? ''))}">`;
  return `<label><code>${id}</code> <span class="muted">${type}</span>${input}<span class="hint">${html(hints.join(' '))}</span></label>`;
}

const sentence = (text: string) => (/[.!?…]$/.test(text.trim()) ? text : `${text}.`);

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  `<div class="scroll" tabindex="0"><table><thead><tr>${head.map((cell) => `<th scope="col">${cell}</th>`).join('')}</tr></thead><tbody>${rows
    .map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
    .join('')}</tbody></table></div>`;

/** `string (date-time) or null`, as JSON Schema names it. */
function typeOf({ type, format, enum: values }: Schema): string {
  if (values) return 'one of these';
  const types = [type ?? 'any value']
    .flat()
    .map((each) => (each === 'string' && format ? `${each} (${format})` : each));
  return types.join(' or ');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const html = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character]!);
