import * as z from 'zod';
import {
  type Days,
  materializeTypes,
  type Pipeline,
  type RecordShape,
  type TimeConversion,
} from '../../pipelines/definition';
import { sinceTime } from '../../sql/exports/windows';
import { archiveSource, undecodedSource } from '../../sql/history/load';
import { recordForms } from '../../sql/merge/forms';
import { eachElement } from '../../sql/merge/unwrap';
import { isPlainName } from '../../sql/text/identifier';
import { endpoint } from './endpoint-shape';
import { isRecord } from './format';
import { either, flag, is, isBetween, list, number, numeric, object, oneOf, text, whole } from './shape';

type Of<Union, Kind> = Extract<Union, Kind>;
type Column = Pipeline['columns'][number];
type Source = NonNullable<Pipeline['history']>[number];
type FileColumn = NonNullable<Source['columns']>[number];
type View = Pipeline['views'][number];
type Export = Pipeline['exports'][number];
type Content = Export['content'];
type Window = Of<Content, { kind: 'snapshot' }>['every'];
type Format = Export['format'];

const maxNameLength = 32;
const reservedSchemas = /^(pg_.*|public|information_schema|catalog_history|stl|sys|millrace)$/;
const minutesOfDay = 1440;
const mostDays = 36_500;

const plainName = (most: number) =>
  text(`be lower-case snake_case of at most ${most} characters`, (name) => isPlainName(name) && name.length <= most);
const anyText = text('be a text');

const records = object<RecordShape>({
  format: oneOf('text').optional(),
  decode: list(
    oneOf(...recordForms),
    `name one or more of ${recordForms.join(', ')}`,
    (forms) => forms.length > 0,
  ).optional(),
  unwrap: list(
    text(
      'be the name of an attribute, or * for each element of an array',
      (name) => name !== '' && !name.includes('\0') && !name.includes('{{'),
    ),
    `name one or more attributes, with ${eachElement} at most once`,
    (names) => names.length > 0 && names.filter((name) => name === eachElement).length <= 1,
  ).optional(),
  base64: flag.optional(),
});

const stream = object<Pipeline['stream']>({
  retentionHours: whole(24, 8760),
  landedHours: number.optional(),
  recreatedAt: text('be a time in UTC as 2026-11-21T10:00:00Z', isUtcTime).optional(),
  records: records.optional(),
  capacity: either<Pipeline['stream']['capacity']>('mode', [
    object<{ mode: 'on-demand' }>({ mode: is('on-demand') }),
    object<{ mode: 'provisioned'; shards: number }>({ mode: is('provisioned'), shards: whole(1, 10_000) }),
  ]),
});

function isUtcTime(time: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(time) && !Number.isNaN(Date.parse(time));
}

const identity = either<Pipeline['identity']>('by', [
  object<Of<Pipeline['identity'], { by: 'columns' }>>({
    by: is('columns'),
    columns: list(anyText, 'name at least one column', (names) => names.length > 0),
    mayReject: flag.optional(),
  }),
  object<Of<Pipeline['identity'], { by: 'stream-position' }>>({
    by: is('stream-position'),
    mayReject: flag.optional(),
  }),
]);

const path = list(
  text('be the name of an attribute'),
  'name one or more attributes of the payload',
  (attributes) =>
    attributes.length > 0 && attributes.every((name) => name !== '' && !name.includes('\0') && !name.includes('{{')),
);

const anyColumn = {
  name: plainName(64),
  path,
  required: flag.optional(),
  trim: flag.optional(),
  emptyAsNull: flag.optional(),
  // The column rules check the default, because the allowed values depend on the type.
  default: z.union([z.string(), z.number(), z.boolean()], { error: 'be a text, a number or a boolean' }).optional(),
  stored: plainName(64).optional(),
  fill: flag.optional(),
  replaces: anyText.optional(),
  mayLose: flag.optional(),
};
const asText = { convert: oneOf('text').optional() };
const allowed = list(anyText, 'list at least one value', (values) => values.length > 0).optional();

/** A named conversion such as `iso`, or a custom format. */
const conversion = <Convert>(...names: readonly (Convert & string)[]) =>
  z
    .custom<Convert>(
      (value) =>
        names.includes(value as Convert & string) ||
        (isRecord(value) && Object.keys(value).join() === 'format' && typeof value['format'] === 'string'),
      { error: `be ${names.join(', ')} or { format: '…' }` },
    )
    .optional();
type TimeKind = 'timestamp' | 'timestamptz' | 'date';
const times = { convert: conversion<TimeConversion>('iso', 'epochseconds', 'epochmillis') };
const timeColumn = <Kind extends TimeKind>(kind: Kind) =>
  object<Of<Column, { type: TimeKind }> & { type: Kind }>({ type: is(kind), ...times, ...anyColumn } as never);
const numberColumn = <Kind extends 'integer' | 'bigint' | 'double'>(kind: Kind) =>
  object<Of<Column, { type: 'integer' | 'bigint' | 'double' }> & { type: Kind }>({
    type: is(kind),
    ...asText,
    ...anyColumn,
  } as never);

const column = either<Column>('type', [
  object<Of<Column, { type: 'varchar' }>>({
    type: is('varchar'),
    maxBytes: whole(1, 65_535),
    oneOf: allowed,
    ...asText,
    ...anyColumn,
  }),
  object<Of<Column, { type: 'char' }>>({
    type: is('char'),
    length: whole(1, 4096),
    oneOf: allowed,
    ...asText,
    ...anyColumn,
  }),
  numberColumn('integer'),
  numberColumn('bigint'),
  object<Of<Column, { type: 'decimal' }>>({
    type: is('decimal'),
    precision: whole(1, 38),
    scale: number,
    ...asText,
    ...anyColumn,
  }),
  numberColumn('double'),
  object<Of<Column, { type: 'boolean' }>>({ type: is('boolean'), convert: oneOf('flag').optional(), ...anyColumn }),
  timeColumn('date'),
  object<Of<Column, { type: 'time' }>>({
    type: is('time'),
    convert: conversion<'iso' | { readonly format: string }>('iso'),
    ...anyColumn,
  }),
  timeColumn('timestamp'),
  timeColumn('timestamptz'),
  object<Of<Column, { type: 'super' }>>({ type: is('super'), ...anyColumn }),
]);

const glob = text('be a glob')
  .refine((key) => key !== '' && !key.split('/').includes(''), { error: 'have no empty segment' })
  .refine((key) => !/[?[\]{}\\\0]/.test(key), { error: 'have no wildcards but * and **' })
  .refine((key) => !key.startsWith('*'), { error: 'begin with a literal prefix' });

const source = object<Source>({
  name: text(
    `be lower-case snake_case of at most 32 characters and not ${archiveSource} or ${undecodedSource}`,
    (name) => isPlainName(name) && name.length <= 32 && name !== archiveSource && name !== undecodedSource,
  ),
  globs: list(glob, 'hold at least one glob', (globs) => globs.length > 0),
  format: oneOf('ndjson', 'firehose', 'csv', 'parquet', 'text'),
  compression: oneOf('gzip', 'zstd', 'none'),
  columns: list(
    object<FileColumn>({
      name: text(
        'be 1 to 127 bytes without line ends, NUL and {{',
        (name) => name !== '' && !/[\r\n\0]/.test(name) && !name.includes('{{') && Buffer.byteLength(name) <= 127,
      ),
      path: path.optional(),
      // The rules of the source check it, because types depend on the format.
      type: anyText.optional() as never,
    }),
  ).optional(),
  records: records.optional(),
  delimiter: oneOf(',', ';', '|', '\t').optional(),
  overwritten: oneOf('load-again', 'alarm').optional(),
});

const view = object<View>({
  name: plainName(64),
  query: anyText,
  file: anyText,
  recomputed: flag.optional(),
  mayShrink: numeric('be a share between 0 and 1', (share) => share >= 0 && share <= 1).optional(),
  mayGrow: numeric('be a number of at least 1', (factor) => factor >= 1).optional(),
});

const lengths: readonly unknown[] = ['hour', 'day', 'week', 'month'];
const window = z.custom<Window>(
  (length) =>
    lengths.includes(length) ||
    (isRecord(length) && Object.keys(length).join() === 'minutes' && isPartOfDay(length['minutes'] as number)),
  { error: `be ${lengths.join(', ')} or { minutes } of 5 to 720 that divide a day` },
);
const isPartOfDay = (minutes: number) => isBetween(minutes, 5, 720) && minutesOfDay % minutes === 0;

const content = either<Content>('kind', [
  object<Of<Content, { kind: 'incremental' }>>({
    kind: is('incremental'),
    timeColumn: text('be a lower-case column name', isPlainName),
    window,
    latenessMinutes: whole(0, 10_080).optional(),
    since: text(
      'be a day as in 2026-01-31 or a time in UTC as in 2026-01-31T12:00Z',
      (since) => !Number.isNaN(sinceTime(since)),
    ).optional(),
    corrections: flag.optional(),
  }),
  object<Of<Content, { kind: 'snapshot' }>>({ kind: is('snapshot'), every: window }),
]);

/** Source of the bounds: UNLOAD in the Redshift database developer guide. */
const anyFormat = { maxFileMb: whole(5, 6200).optional(), partitionBy: list(anyText).optional() };
const format = either<Format>('kind', [
  object<Of<Format, { kind: 'parquet' }>>({
    kind: is('parquet'),
    ...anyFormat,
    maxFileMb: whole(5, 6200)
      .refine((size) => size % 32 === 0, { error: 'be a multiple of 32 for Parquet' })
      .optional(),
    rowGroupMb: whole(32, 128).optional(),
  }),
  object<Of<Format, { kind: 'csv' }>>({
    kind: is('csv'),
    ...anyFormat,
    header: flag.optional(),
    delimiter: text(
      'be one printable ASCII character and not the quote',
      (character) => /^[\x20-\x7e]$/.test(character) && character !== '"',
    ).optional(),
    gzip: flag.optional(),
  }),
  object<Of<Format, { kind: 'json' }>>({ kind: is('json'), ...anyFormat, gzip: flag.optional() }),
]);

const exported = object<Export>({
  name: plainName(64),
  query: anyText,
  file: anyText,
  engine: oneOf('redshift', 'materialize').optional(),
  columns: list(
    object<NonNullable<Export['columns']>[number]>({
      name: text('be a plain name', isPlainName),
      type: oneOf(...materializeTypes),
    }),
  ).optional(),
  content,
  format,
  everyMinutes: whole(1, minutesOfDay).optional(),
  windowsPerTick: whole(1, 1000).optional(),
});

const days = (least: number) =>
  text(
    `be a number of days between ${least} and ${mostDays}, as 400 days`,
    (value) => /^[1-9]\d* days$/.test(value) && isBetween(Number.parseInt(value, 10), least, mostDays),
  ) as z.ZodType<Days>;

const filter = object<NonNullable<Pipeline['where']>[number]>({
  path,
  oneOf: list(
    z
      .union([z.string(), z.number(), z.boolean()], { error: 'be a text, a number or a boolean' })
      .refine((value) => typeof value !== 'string' || (value.length <= 256 && !/\0|\{\{/.test(value)), {
        error: 'have at most 256 characters, and neither NUL nor {{',
      }),
    'list at least one value',
    (values) => values.length > 0,
  ),
});

/** Every rule about a single field of a pipeline. */
export const pipelineShape = object<Pipeline>({
  name: text(
    `be lower-case letters, digits and underscores, begin with a letter, have at most ${maxNameLength} characters and be neither a schema of Redshift's own nor millrace`,
    (name) => /^[a-z][a-z0-9_]*$/.test(name) && name.length <= maxNameLength && !reservedSchemas.test(name),
  ),
  stream,
  columns: list(column, 'name at least one column', (columns) => columns.length > 0),
  identity,
  where: list(filter, 'have at least one condition, or be left out', (filters) => filters.length > 0).optional(),
  subject: list(anyText, 'name at least one column, or be left out', (names) => names.length > 0).optional(),
  retention: object<NonNullable<Pipeline['retention']>>({
    events: days(7).optional(),
    eventTime: anyText.optional(),
    rejects: days(1).optional(),
    archive: days(1).optional(),
  }).optional(),
  history: list(source, 'name at least one source, or be left out', (sources) => sources.length > 0).optional(),
  stack: text(
    `be lower-case letters, digits and hyphens, begin with a letter and have at most ${maxNameLength} characters`,
    (stack) => /^[a-z][a-z0-9-]*$/.test(stack) && stack.length <= maxNameLength,
  ).optional(),
  refreshEveryMinutes: whole(1, 59),
  views: list(view),
  exports: list(exported),
  endpoints: list(endpoint).optional(),
});
