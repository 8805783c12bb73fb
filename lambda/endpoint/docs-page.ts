import { createHash } from 'node:crypto';
import type { ApiAnswer, ApiRequest } from './request';
import { compressed } from './response';

/** The parts of the OpenAPI document that the page shows. */
interface Document {
  readonly info: { readonly title: string; readonly description: string };
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly operationId: string;
  readonly description?: string;
  readonly parameters: readonly Parameter[];
  readonly responses: Readonly<Record<string, { readonly description?: string }>>;
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
}

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;color:#1b1f24;background:#fff}
h1,h2{line-height:1.2}section{border-top:1px solid #d0d7de;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .75rem .25rem 0;vertical-align:top;border-bottom:1px solid #eaeef2}
code,pre,input{font:14px/1.4 ui-monospace,monospace}pre{background:#f6f8fa;padding:.75rem;overflow:auto;max-height:24rem}
label{display:block;margin:.25rem 0}input{padding:.25rem;width:20rem;max-width:100%}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}pre{background:#161b22}th,td,section{border-color:#30363d}
input,button{color:inherit;background:#161b22;border:1px solid #6e7681}a{color:#79c0ff}}`;

/** Sends the request of a form. The token stays in the page and is sent in the Authorization header only. */
const script = `for (const form of document.forms) if (form.dataset.path) form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ''));
  const output = form.querySelector('pre');
  output.hidden = false;
  output.textContent = 'Waiting for the answer';
  try {
    const token = document.getElementById('token').value.trim();
    const answer = await fetch(form.dataset.path + '?' + query, { headers: token ? { authorization: 'Bearer ' + token } : {} });
    output.textContent = answer.status + ' ' + answer.statusText + '\\n\\n' + (await answer.text()).slice(0, 20000);
  } catch (error) {
    output.textContent = String(error);
  }
});`;

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

function page({ info, paths, components }: Document): string {
  const sections = Object.entries(paths)
    .filter(([path]) => /^\/v1\/.*\.json$/.test(path))
    .map(([path, { get }]) => section(path, get, components.schemas[`${get.operationId}_row`]));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(info.title)}</title><style>${style}</style></head>
<body><h1>${html(info.title)}</h1>
<p>${html(info.description)} The whole description is in <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p>
<p>Send a token with each request: <code>Authorization: Bearer &lt;token&gt;</code>. Roles of partners sign their requests
(AWS Signature Version 4, service <code>execute-api</code>) and ask below <code>/iam/v1</code>. The suffixes
<code>.json</code>, <code>.csv</code> and <code>.ndjson</code> choose the format.</p>
<p><label>Token for trying requests here <input id="token" type="password" autocomplete="off"></label></p>
<main>${sections.join('\n') || '<p>There are no endpoints.</p>'}</main>
<script>${script}</script></body></html>
`;
}

function section(path: string, { operationId, description, parameters, responses }: Operation, row?: Schema): string {
  const columns = Object.entries(row?.properties ?? {});
  return `<section id="${html(operationId)}"><h2><code>GET ${html(path)}</code></h2>
${description === undefined ? '' : `<p>${html(description)}</p>`}
${table(
  ['Parameter', 'Type', 'Meaning'],
  parameters.map((param) => [
    `<code>${html(param.name)}</code>${param.required ? ' (required)' : ''}`,
    html(typeOf(param.schema)),
    html([param.description, param.schema.description].filter(Boolean).join(' ')),
  ]),
)}
${table(
  ['Column', 'Type'],
  columns.map(([name, schema]) => [`<code>${html(name)}</code>`, html(typeOf(schema))]),
)}
<details><summary>Answers</summary>${table(
    ['Status', 'Meaning'],
    Object.entries(responses).map(([code, answer]) => [code, html(answer.description ?? statusTexts[code] ?? '')]),
  )}</details>
<form data-path="${html(path)}">${parameters
    .map(({ name }) => `<label><code>${html(name)}</code> <input name="${html(name)}" autocomplete="off"></label>`)
    .join('')}<button>Ask</button><pre hidden></pre></form></section>`;
}

const statusTexts: Readonly<Record<string, string>> = {
  400: 'Parameters are unknown, repeated, missing or not allowed.',
  401: 'There is no token, or it is not valid.',
  403: 'The caller has no access, or cannot choose a parameter.',
  404: 'There is no such endpoint.',
  413: 'The answer is too large.',
  429: 'There are too many requests. Retry-After says when to try again.',
  500: 'The query or the request failed.',
  503: 'The warehouse is not available. Retry-After says when to try again.',
  504: 'The query took too long and was cancelled.',
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  rows.length === 0
    ? ''
    : `<table><thead><tr>${head.map((cell) => `<th scope="col">${cell}</th>`).join('')}</tr></thead><tbody>${rows
        .map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
        .join('')}</tbody></table>`;

function typeOf({ type, format, enum: values, default: standard, minimum, maximum }: Schema): string {
  const types = [type ?? 'any'].flat().filter((each) => each !== 'null');
  return [
    format ?? types.join(' or '),
    ...(values ? [`one of ${values.join(', ')}`] : []),
    ...(minimum !== undefined && maximum !== undefined ? [`${minimum} to ${maximum}`] : []),
    ...(standard === undefined ? [] : [`default ${standard}`]),
  ].join(', ');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const html = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character]!);
