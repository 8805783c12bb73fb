import * as z from 'zod';
import type { EndpointDefinition, EndpointParam } from '../../pipelines/definition';
import { isPlainName } from '../../sql/text/identifier';
import { either, flag, is, list, number, object, text, whole } from './shape';

type Of<Kind extends EndpointParam['type']> = Extract<EndpointParam, { type: Kind }>;

const maxNameLength = 64;
/** A name is part of an address, and a field of objects. */
export const isPublicName = (name: string) =>
  isPlainName(name) && /^[a-z]/.test(name) && name.length <= maxNameLength && !(name in {});
const publicName = `be lower-case snake_case of at most ${maxNameLength} characters that begins with a letter, and not constructor`;

const anyText = text('be a text');
const described = { description: text('be a text of 1 to 1000 characters', isDescription).optional() };
const bounds = { min: anyText.optional(), max: anyText.optional(), default: anyText.optional() };

function isDescription(value: string): boolean {
  return value.trim() !== '' && value.length <= 1000;
}

const texts = <Kind extends 'bigint' | 'date' | 'timestamp'>(kind: Kind) =>
  object<Of<Kind>>({ type: is(kind), ...bounds, ...described } as never);

const integer = z.number({ error: 'be a whole number' });

const param = either<EndpointParam>('type', [
  object<Of<'varchar'>>({
    type: is('varchar'),
    maxBytes: whole(1, 65_535).optional(),
    oneOf: list(
      text('be a text that is not empty', (value) => value !== '' && !value.includes('\0')),
      'list at least one value',
      (values) => values.length > 0,
    ).optional(),
    default: anyText.optional(),
    ...described,
  }),
  object<Of<'integer'>>({
    type: is('integer'),
    min: integer.optional(),
    max: integer.optional(),
    default: integer.optional(),
    ...described,
  }),
  texts('bigint'),
  object<Of<'decimal'>>({
    type: is('decimal'),
    precision: whole(1, 38),
    scale: number,
    ...bounds,
    ...described,
  }),
  object<Of<'boolean'>>({ type: is('boolean'), default: flag.optional(), ...described }),
  texts('date'),
  texts('timestamp'),
]);

/** Parameters by name. The rules check the names, so that a message has the name as its field. */
const params = z.record(z.string(), param, { error: 'be an object of parameters by name' }) as unknown as z.ZodType<
  Record<string, EndpointParam>
>;

export const endpoint = object<EndpointDefinition>({
  name: text(publicName, isPublicName),
  query: anyText,
  file: anyText,
  ...described,
  params: params.optional(),
  maxRows: whole(1, 100_000).optional(),
  timeoutSeconds: whole(1, 25).optional(),
  tenant: anyText.optional(),
  allowBreaking: flag.optional(),
});
