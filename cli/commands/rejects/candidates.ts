import type { Column, TimeConversion } from '../../../pipelines/definition';

/** The most frequent date formats of exports, most frequent first. */
const dayFormats = [
  'YYYYMMDD',
  'FMMM/FMDD/YYYY',
  'FMDD/FMMM/YYYY',
  'FMDD.FMMM.YYYY',
  'YYYY/FMMM/FMDD',
  'FMDD-FMMM-YYYY',
  'FMMM-FMDD-YYYY',
  'FMDD-Mon-YYYY',
  'FMDD Mon YYYY',
  'Mon FMDD, YYYY',
];
const clockFormats = ['FMHH24:MI', 'FMHH24:MI:SS', 'FMHH24:MI:SS.MS', 'FMHH12:MI AM', 'FMHH12:MI:SS AM'];

/** Most digits of a decimal. */
const maxPrecision = 38;

/** Returns other declarations of a column that may accept the values, stricter ones first. */
export function candidatesFor(column: Column, found: readonly unknown[]): Column[] {
  const texts = found.filter((value) => typeof value === 'string');
  const trims = texts.some((text) => text.trim() !== text);
  const empties = texts.some((text) => text.trim() === '');
  const more = {
    ...(trims ? { trim: true } : {}),
    ...(empties ? { emptyAsNull: true } : {}),
  };
  const conversions = ofType(column, found);
  return [
    ...conversions,
    ...(trims || empties ? [column, ...conversions].map((candidate): Column => ({ ...candidate, ...more })) : []),
    ...(column.required && found.some((value) => value === undefined || value === null)
      ? [{ ...column, required: false } as Column]
      : []),
  ];
}

function ofType(column: Column, found: readonly unknown[]): Column[] {
  switch (column.type) {
    case 'varchar':
      return [{ ...column, convert: 'text' }, ...wider(column, found)];
    case 'char':
      return [{ ...column, convert: 'text' }];
    case 'integer':
      return [{ ...column, convert: 'text' }, { ...column, type: 'bigint' }, asDecimal(column, found, 0, 0)];
    case 'bigint':
      return [{ ...column, convert: 'text' }, asDecimal(column, found, 0, 0)];
    case 'decimal': {
      const larger = asDecimal(column, found, column.precision - column.scale, column.scale);
      return [{ ...column, convert: 'text' }, larger, { ...larger, convert: 'text' } as Column];
    }
    case 'double':
      return [{ ...column, convert: 'text' }];
    case 'boolean':
      return [{ ...column, convert: 'flag' }];
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return timeConversions(column.type === 'date', found).map((convert) => ({ ...column, convert }));
    case 'time':
      return [
        { ...column, convert: 'iso' },
        ...clockFormats.map((format): Column => ({ ...column, convert: { format } })),
      ];
    case 'super':
      return [];
  }
}

/** Returns a decimal with room for the numbers found. */
function asDecimal(column: Column, found: readonly unknown[], whole: number, scale: number): Column {
  let [digits, places] = [whole, scale];
  for (const value of found) {
    const [, before = '', after = ''] = /^-?(\d+)(?:\.(\d+))?$/.exec(String(value).trim()) ?? [];
    digits = Math.max(digits, before.length);
    places = Math.max(places, after.replace(/0+$/, '').length);
  }
  places = Math.min(places, maxPrecision - 1);
  const { name, path, required, stored } = column;
  return {
    ...{ name, path },
    ...(required === undefined ? {} : { required }),
    ...(stored === undefined ? {} : { stored }),
    type: 'decimal',
    precision: Math.max(1, Math.min(digits + places, maxPrecision)),
    scale: places,
    ...('convert' in column && column.convert === 'text' ? { convert: 'text' } : {}),
  };
}

/** Returns a varchar whose length is the next power of two that fits the texts found. */
function wider(column: Extract<Column, { type: 'varchar' }>, found: readonly unknown[]): Column[] {
  const longest = Math.max(0, ...found.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)));
  if (longest <= column.maxBytes) return [];
  const maxBytes = Math.min(65_535, 2 ** Math.ceil(Math.log2(longest)));
  return [{ ...column, maxBytes }];
}

function timeConversions(isDay: boolean, found: readonly unknown[]): TimeConversion[] {
  const numbers = found.map((value) => Number(value)).filter((value) => Number.isFinite(value) && value > 0);
  // 1e11 seconds since 1970 are in the year 5138, 1e11 milliseconds in 1973.
  const epochs: TimeConversion[] =
    numbers.length === 0 ? [] : numbers.some((value) => value >= 1e11) ? ['epochmillis'] : ['epochseconds'];
  const formats = isDay
    ? dayFormats
    : [...dayFormats, ...dayFormats.flatMap((day) => clockFormats.map((clock) => `${day} ${clock}`))];
  return ['iso', ...epochs, ...formats.map((format) => ({ format }))];
}

/** Formats the options in which a column differs from another, as in a pipeline's source. */
export function declarationOf(column: Column, before: Column): string {
  const [is, was] = [column as unknown as Record<string, unknown>, before as unknown as Record<string, unknown>];
  const changed = [...new Set([...Object.keys(is), ...Object.keys(was)])].filter(
    (name) => JSON.stringify(is[name]) !== JSON.stringify(was[name]),
  );
  const type = changed.some((name) => ['type', 'precision', 'scale'].includes(name)) ? ` as ${typeText(column)}` : '';
  const options = changed.filter((name) => !['type', 'precision', 'scale'].includes(name) && is[name] !== undefined);
  const list = options.map((name) => `${name}: ${literal(is[name])}`);
  return `declare \`${column.name}\`${type}${list.length > 0 ? ` with ${list.join(', ')}` : ''}`;
}

const typeText = (column: Column) =>
  column.type === 'decimal' ? `decimal(${column.precision},${column.scale})` : column.type;

const literal = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? `{ ${Object.entries(value)
        .map(([name, item]) => `${name}: ${literal(item)}`)
        .join(', ')} }`
    : typeof value === 'string'
      ? `'${value}'`
      : String(value);
