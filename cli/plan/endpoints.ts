import type { EndpointDeclaration, PipelineDeclaration } from '../../sql';
import { type CreateChange, differences, type Entry, otherDifferences } from './differences';
import { joinNames } from './phrases';
import type { Change } from './plan';

type Param = EndpointDeclaration['params'][string];

/** Compares what outsiders may ask. A change that would break them is refused, unless the endpoint allows it. */
export function endpointChanges(
  was: PipelineDeclaration,
  is: PipelineDeclaration,
  pipeline: string,
  change: CreateChange,
): Change[] {
  return differences(was.endpoints, is.endpoints).map(({ name, before, after }) => {
    const object = `endpoint ${pipeline}.${name}`;
    const [old, now] = [before, after] as unknown as (EndpointDeclaration | undefined)[];
    if (!old) return change(object, 'added', `Readers may ask /v1/${pipeline}/${name}.json.`, ...tenantNotes(now!));
    if (!now) return removed(object, old, change);
    return edited(object, old, now, change);
  });
}

const tenantNotes = ({ tenant }: EndpointDeclaration) =>
  tenant === undefined ? [] : [`Each token and each partner's access must fix ${tenant}.`];

function removed(object: string, { allowBreaking }: EndpointDeclaration, change: CreateChange): Change {
  const summary = 'Its readers will get 404.';
  return allowBreaking
    ? change(object, 'removed', summary, 'Its deployed version has allowBreaking.')
    : change(object, 'refused', summary, 'Keep it, or deploy it with allowBreaking: true first.');
}

function edited(object: string, was: EndpointDeclaration, is: EndpointDeclaration, change: CreateChange): Change {
  const breaks = breakingChanges(was, is);
  const notes = [
    ...(was.query === is.query ? [] : ['Its query changed.']),
    ...harmlessChanges(was, is),
    ...otherDifferences(was as unknown as Entry, is as unknown as Entry, ['query', 'params', 'columns', 'tenant']),
    ...(was.tenant !== undefined && is.tenant === undefined
      ? [`Callers may choose ${was.tenant} themselves: it is no longer the tenant.`]
      : []),
    'Answers that are kept for its old version are not given any more.',
  ];
  if (breaks.length === 0) return change(object, 'online', notes[0]!, ...notes.slice(1));
  const [first, ...rest] = [...breaks, ...notes];
  return is.allowBreaking
    ? change(object, 'online', first!, ...rest, 'This breaks readers, which allowBreaking accepts.')
    : change(
        object,
        'refused',
        first!,
        ...rest,
        'This breaks readers. Give the new version another name and keep this one, or set allowBreaking: true.',
      );
}

/** What makes requests fail that succeeded before, or answers that a reader cannot read: one sentence each. */
export function breakingChanges(was: EndpointDeclaration, is: EndpointDeclaration): string[] {
  const lost = Object.keys(was.columns).filter((name) => !Object.hasOwn(is.columns, name));
  const gone = Object.keys(was.params).filter((name) => !Object.hasOwn(is.params, name));
  return [
    ...(lost.length === 0 ? [] : [`Its answers lose ${joinNames(lost)}.`]),
    ...Object.entries(was.columns).flatMap(([name, type]) => {
      const now = is.columns[name];
      return now === undefined || readerShape(now) === readerShape(type)
        ? []
        : [`The type of ${name} changes from ${type} to ${now}.`];
    }),
    ...(gone.length === 0
      ? []
      : [
          `Requests with ${joinNames(gone)} get 400: the ${gone.length === 1 ? 'parameter is' : 'parameters are'} gone.`,
        ]),
    ...Object.entries(is.params).flatMap(([name, now]) => {
      const old = Object.hasOwn(was.params, name) ? was.params[name] : undefined;
      if (old === undefined) return now.required ? [`Requests need the new parameter ${name}.`] : [];
      return narrowed(name, old, now);
    }),
    ...(is.tenant === undefined || is.tenant === was.tenant
      ? []
      : [`Tokens and accesses of partners that do not fix ${is.tenant} are refused: it is the tenant now.`]),
  ];
}

/** Types that a reader sees alike: texts of any length, decimals of any size, whole numbers of at most 32 bits. */
export function readerShape(type: string): string {
  const plain = type.replace(/\(.*\)$/, '');
  if (plain === 'char' || plain === 'varchar') return 'text';
  if (plain === 'smallint' || plain === 'integer') return 'integer';
  return plain === 'real' || plain === 'double precision' ? 'double' : plain;
}

/** Each type with those whose values it takes too. */
const wider: Readonly<Record<string, readonly string[]>> = { bigint: ['integer'], timestamp: ['date'] };

function narrowed(name: string, was: Param, is: Param): string[] {
  if (was.type !== is.type && !wider[is.type]?.includes(was.type))
    return [`The parameter ${name} is ${is.type} instead of ${was.type}.`];
  const problems: string[] = [];
  const add = (text: string) => problems.push(`The parameter ${name} ${text}.`);
  if (is.required && !was.required) add('is required');
  if (is.min !== undefined && (was.min === undefined || ordered(is.type, was.min, is.min) < 0))
    add(`must be at least ${is.min}${was.min === undefined ? '' : ` instead of ${was.min}`}`);
  if (is.max !== undefined && (was.max === undefined || ordered(is.type, was.max, is.max) > 0))
    add(`must be at most ${is.max}${was.max === undefined ? '' : ` instead of ${was.max}`}`);
  if ((is.maxBytes ?? 0) < (was.maxBytes ?? 0)) add(`has at most ${is.maxBytes} bytes instead of ${was.maxBytes}`);
  if (is.oneOf) {
    const missing = (was.oneOf ?? []).filter((value) => !is.oneOf!.includes(value));
    if (was.oneOf === undefined) add(`must be one of ${is.oneOf.join(', ')}`);
    else if (missing.length > 0) add(`no longer takes ${joinNames(missing)}`);
  }
  const digits = ({ precision = 0, scale = 0 }: Param) => precision - scale;
  if (digits(is) < digits(was) || (is.scale ?? 0) < (was.scale ?? 0))
    add(`is decimal(${is.precision},${is.scale}) instead of decimal(${was.precision},${was.scale})`);
  return problems;
}

/** Compares two values of a parameter, as requests have them. */
function ordered(type: Param['type'], one: string, other: string): number {
  const [first, second] = [comparable(type, one), comparable(type, other)];
  return first < second ? -1 : first > second ? 1 : 0;
}

function comparable(type: Param['type'], text: string): bigint | number | string {
  if (type === 'timestamp') {
    const time = text.includes('T') ? text : `${text}T00:00`;
    return Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`);
  }
  if (type === 'date') return text;
  const [whole = '', places = ''] = text.replace('-', '').split('.');
  // A number of JavaScript has 53 bits.
  const size = BigInt(whole + places.padEnd(38, '0'));
  return text.startsWith('-') ? -size : size;
}

function harmlessChanges(was: EndpointDeclaration, is: EndpointDeclaration): string[] {
  const won = Object.keys(is.columns).filter((name) => !Object.hasOwn(was.columns, name));
  const kept = (names: readonly string[], of: object) => names.filter((name) => Object.hasOwn(of, name)).join();
  const [before, after] = [Object.keys(was.columns), Object.keys(is.columns)];
  const params = Object.keys(is.params).filter(
    (name) => !Object.hasOwn(was.params, name) && !is.params[name]!.required,
  );
  return [
    ...(won.length === 0 ? [] : [`New in its answers: ${joinNames(won)}.`]),
    ...(kept(before, is.columns) === kept(after, was.columns) ? [] : ['The columns of its CSV come in another order.']),
    ...(params.length === 0 ? [] : [`New parameters, which requests need not have: ${joinNames(params)}.`]),
    ...Object.entries(is.params).flatMap(([name, { default: now }]) => {
      const old = was.params[name];
      return old === undefined || old.default === now
        ? []
        : [`Requests without ${name} have ${now ?? 'no value'} there instead of ${old.default ?? 'no value'}.`];
    }),
  ];
}
