import type { EndpointParam as ParamItem } from '../../lambda/endpoint/contract';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { EndpointParam } from '../../pipelines/definition';

/** Bytes of a varchar that does not say how many it takes. */
export const defaultMaxBytes = 256;

/** The type as in DDL. */
export function paramType(param: EndpointParam): string {
  if (param.type === 'varchar') return `varchar(${maxBytesOf(param)})`;
  return param.type === 'decimal' ? `decimal(${param.precision},${param.scale})` : param.type;
}

const maxBytesOf = (param: Extract<EndpointParam, { type: 'varchar' }>) =>
  param.maxBytes ?? Math.max(defaultMaxBytes, ...(param.oneOf ?? []).map((value) => Buffer.byteLength(value)));

/** SQL for the value of a parameter that the Data API passes as a text. */
export const boundParam = (name: string, param: EndpointParam) => typedText(`:${name}`, param);

/**
 * The same for a literal, which a deployment explains the statement with.
 * Redshift casts a text literal to boolean, and documents no such cast of other texts.
 */
export const sampleParam = (param: EndpointParam) => typedText(quoteLiteral(sampleOf(param)), param);

function typedText(text: string, param: EndpointParam): string {
  return param.type === 'boolean' ? `(cast(${text} as varchar(5)) = 'true')` : `cast(${text} as ${paramType(param)})`;
}

function sampleOf(param: EndpointParam): string {
  if (param.default !== undefined) return String(param.default);
  switch (param.type) {
    case 'varchar':
      return param.oneOf?.[0] ?? 'a';
    case 'boolean':
      return 'true';
    case 'integer':
    case 'bigint':
    case 'decimal':
      return String(param.min ?? param.max ?? (param.type === 'decimal' ? '0' : 1));
    case 'date':
      return param.min ?? param.max ?? '2026-01-01';
    case 'timestamp':
      return timestampText(param.min ?? param.max ?? '2026-01-01T00:00:00Z');
  }
}

const timestampText = (time: string) =>
  new Date(/(Z|[+-]\d\d:?\d\d)$/i.test(time) ? time : `${time}Z`).toISOString().replace('T', ' ').replace('Z', '');

/** @param isRequired whether a part of the query that is not optional needs it */
export function paramItem(name: string, param: EndpointParam, isRequired: boolean): ParamItem {
  const { type, description } = param;
  const bound = (key: 'min' | 'max') => {
    const value = (param as { readonly min?: string | number; readonly max?: string | number })[key];
    return value === undefined ? {} : { [key]: String(value) };
  };
  return {
    name,
    type,
    ...(description === undefined ? {} : { description }),
    required: isRequired && param.default === undefined,
    ...(param.default === undefined ? {} : { default: String(param.default) }),
    ...bound('min'),
    ...bound('max'),
    ...(type === 'varchar' ? { maxBytes: maxBytesOf(param) } : {}),
    ...(type === 'varchar' && param.oneOf ? { oneOf: param.oneOf } : {}),
    ...(type === 'decimal' ? { precision: param.precision, scale: param.scale } : {}),
  };
}
