import type { EndpointColumn, EndpointItem, EndpointParam } from '../../lambda/endpoint/contract';
import { clientRuntime } from './client-runtime';

/** A client in TypeScript: one file that needs nothing but `fetch`, with the types of each endpoint. */
export function typeScriptClient(items: readonly EndpointItem[], environment: string): string {
  const pipelines = [...new Set(items.map(({ pipeline }) => pipeline))].sort();
  const of = (pipeline: string) =>
    items.filter((item) => item.pipeline === pipeline).sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = pipelines.map(
    (pipeline) =>
      `  ${pipeline}: [${of(pipeline)
        .map(({ name }) => `'${name}'`)
        .join(', ')}],`,
  );
  return `/**
 * Client of the endpoints of Millrace ${environment}. Made by \`millrace api client\`: make it again after a deployment instead of editing it.
 */

/** Parameters and rows by pipeline and endpoint. */
export interface Endpoints {
${pipelines.map((pipeline) => `  ${pipeline}: {\n${of(pipeline).map(endpoint).join('\n')}\n  };`).join('\n')}
}

const endpoints = {
${names.join('\n')}
} as const;

${clientRuntime}`;
}

function endpoint(item: EndpointItem): string {
  // The token has the tenant's value.
  const params = item.params.filter(({ name }) => name !== item.tenant).map(parameter);
  const columns = item.columns.map((column) => `        ${property(column.name)}: ${columnType(column)};`);
  const kept = item.tenant === undefined ? [] : [`Needs a token that fixes \`${item.tenant}\`.`];
  return `${comment([item.description, ...kept, `At most ${item.maxRows} rows.`], '    ')}
    ${property(item.name)}: {
      params: ${params.length === 0 ? '{}' : `{\n${params.join('\n')}\n      }`};
      row: {
${columns.join('\n')}
      };
    };`;
}

function parameter(param: EndpointParam): string {
  const { name, required, description, min, max, default: standard } = param;
  const facts = [
    description,
    min === undefined ? undefined : `At least ${min}.`,
    max === undefined ? undefined : `At most ${max}.`,
    standard === undefined ? undefined : `@default ${standard}`,
  ].filter((fact) => fact !== undefined);
  const text = facts.length > 0 ? `${comment(facts, '        ')}\n` : '';
  return `${text}        ${property(name)}${required ? '' : '?'}: ${paramType(param)};`;
}

function paramType({ type, oneOf }: EndpointParam): string {
  if (oneOf) return oneOf.map((value) => JSON.stringify(value)).join(' | ');
  const types = {
    varchar: 'string',
    integer: 'number',
    bigint: 'bigint | string',
    decimal: 'string',
    boolean: 'boolean',
    date: 'string',
    timestamp: 'Date | string',
  };
  return types[type];
}

function columnType({ type }: EndpointColumn): string {
  const base = type.replace(/\(.*$/, '').trim();
  if (base === 'smallint' || base === 'integer') return 'number | null';
  if (base === 'real' || base === 'double' || base === 'double precision')
    return "number | 'NaN' | 'Infinity' | '-Infinity' | null";
  if (base === 'boolean') return 'boolean | null';
  return base === 'super' ? 'unknown' : 'string | null';
}

const property = (name: string) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

function comment(lines: readonly (string | undefined)[], indent: string): string {
  const text = lines
    .flatMap((line) => (line === undefined ? [] : line.split(/\r?\n/)))
    .map((line) => line.replaceAll('*/', '*\\/').trim())
    .filter((line) => line !== '');
  return text.length === 1
    ? `${indent}/** ${text[0]} */`
    : `${indent}/**\n${text.map((line) => `${indent} * ${line}`).join('\n')}\n${indent} */`;
}
