import type { Column } from '../../../pipelines/definition';
import { grouped, plural } from '../../terminal';
import type { NewPipeline, PlannedField } from './make-plan';
import { shownPath } from './make-plan';
import { Code, Commented, comment, literal, quoted } from './typescript';
import { shapeOf, viewOf, viewTest } from './view';

/** A file of the new folder. */
export interface NewFile {
  /** Path below the pipeline's folder. */
  readonly path: string;
  readonly content: string;
}

/** Everything that the folder of the new pipeline holds. @param sample records, one a line each */
export function filesOf(plan: NewPipeline, source: string, sample: readonly string[]): NewFile[] {
  const view = viewOf(plan);
  return [
    { path: 'pipeline.ts', content: pipelineFile(plan, source) },
    { path: 'generator.ts', content: generatorFile(plan) },
    { path: 'sample.ndjson', content: `${sample.join('\n')}\n` },
    { path: `views/${view.name}.sql`, content: view.sql },
    { path: `views/${view.name}.test.yaml`, content: viewTest(plan, sample) },
  ];
}

function pipelineFile(plan: NewPipeline, source: string): string {
  const value = {
    name: plan.name,
    stream: { capacity: { mode: 'on-demand' }, retentionHours: 24 },
    identity: plan.identity ? { by: 'columns', columns: plan.identity } : { by: 'stream-position' },
    columns: new Commented(
      [],
      plan.fields.flatMap((field) => (field.column ? [columnWithComments(field)] : [])),
    ),
    refreshEveryMinutes: 1,
    views: new Code('readViews(__dirname)'),
    exports: new Code('readExports(__dirname, {})'),
  };
  return `${imported('type { Pipeline }', '../definition')}
${imported('{ readExports, readViews }', '../read')}

/**
${headOf(plan, source)
  .map((line) => ` * ${comment(line)}`)
  .join('\n')}
 */
export const pipeline: Pipeline = ${withBrokenColumns(value)};
`;
}

const imported = (names: string, from: string) => `import ${names} from ${quoted(from)};`;

/** The columns are always one a line, even a single one. */
function withBrokenColumns(value: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(value).map(([name, member]) => {
    if (name !== 'columns') return `  ${name}: ${literal(member, 2, 4 + name.length)},`;
    const columns = (member as Commented).value as readonly unknown[];
    const each = columns.map((column) => {
      const [comments, inner] = column instanceof Commented ? [column.comments, column.value] : [[], column];
      return [...comments.map((text) => `    // ${comment(text)}`), `    ${literal(inner, 4)},`].join('\n');
    });
    return columns.length === 0 ? '  columns: [],' : `  columns: [\n${each.join('\n')}\n  ],`;
  });
  return `{\n${lines.join('\n')}\n}`;
}

function headOf(plan: NewPipeline, source: string): string[] {
  const rest = plan.fields.filter(({ column }) => column === undefined).map(({ path }) => shownPath(path));
  const shown = rest.slice(0, 20).join(', ') + (rest.length > 20 ? ` and ${rest.length - 20} more` : '');
  return [
    ...wrapped(
      `Made from ${plural(plan.profile.sound, 'record')} of ${source}. All of them fit these columns. The sample is in sample.ndjson, and generator.ts repeats it.`,
    ),
    ...(rest.length > 0 ? wrapped(`No columns, and therefore in \`payload\` alone: ${shown}.`) : []),
  ];
}

/** Lines of at most 116 characters. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 116) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function columnWithComments({ column, personal, values, field }: PlannedField): unknown {
  const comments = [
    ...(personal === 'names a person' ? ['Likely names a person: a candidate for the subject of the events.'] : []),
    ...(personal === 'personal data' ? ['Likely personal data.'] : []),
    ...(values
      ? [
          `All ${grouped(field.present)} values are one of ${values.map((value) => JSON.stringify(value)).join(', ')}. \`oneOf\` would reject any other.`,
        ]
      : []),
  ];
  return comments.length > 0 ? new Commented(comments, column) : column;
}

function generatorFile(plan: NewPipeline): string {
  const { hour, group, name } = shapeOf(plan);
  const isTime = ({ type }: Column) => type === 'timestamp' || type === 'timestamptz';
  const times = plan.columns.filter(isTime).sort((one) => (one === plan.time ? -1 : 1));
  const text = plan.columns.find(({ type, name: column }) => type === 'varchar' && !plan.identity?.includes(column));
  const paths = plan.identity?.map((column) => plan.columns.find((each) => each.name === column)!.path);
  const options = {
    pipeline: plan.name,
    folder: new Code('__dirname'),
    identity: paths,
    times: times.length > 0 ? times.map((time) => ({ path: time.path, form: formOf(time) })) : undefined,
    text: text && { path: text.path, maxBytes: 'maxBytes' in text ? text.maxBytes : 0 },
    view: {
      name,
      hour: hour ? true : undefined,
      group: group && { column: group.name, path: group.path },
    },
  };
  return `${imported('{ replay }', '../generator/replay')}

/** Repeats the records of sample.ndjson, with ids and times of their own. */
export const generator = replay(${brokenObject(options)});
`;
}

const brokenObject = (value: object) =>
  `{\n${Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `  ${name}: ${literal(member, 2, 4 + name.length)},\n`)
    .join('')}}`;

function formOf(column: Column): 'iso' | 'epochseconds' | 'epochmillis' {
  const convert = 'convert' in column ? column.convert : undefined;
  return convert === 'epochseconds' || convert === 'epochmillis' ? convert : 'iso';
}
