import { type Case, type Edge, edges, pageUrl, type Topic } from 'redshift-conformance';
import { systemViews } from '../src/engine/system-views';
import { catalogFunctions } from '../src/sql/functions/catalog';
import { functions } from '../src/sql/functions/registry';
import { copyOptions, unloadOptions } from '../src/sql/parser/bulk';
import { otherwise } from './applies';
import { coverageOf } from './coverage';
import {
  commands,
  constructs,
  copyOptionNames,
  isSupportedCommand,
  isSupportedType,
  refusalOf,
  types,
  unloadOptionNames,
} from './probes';

/** The page of what the local warehouse supports and refuses, from the front end itself and the conformance pack. */
export function reference(pack: readonly Topic[]): string {
  const sections = [
    introduction(),
    heading('Statements', statements()),
    heading('Types', typeLists()),
    heading('Expressions and clauses', constructTable()),
    heading('COPY and UNLOAD', bulkOptions()),
    heading('Functions', functionTables()),
    heading('System views', views()),
    heading('Known refusals', knownRefusals(pack)),
    heading('Edges', edgeTable(pack)),
    heading('Conformance', grounds(pack)),
  ];
  return `${sections.join('\n\n')}\n`;
}

const heading = (title: string, body: string) => `## ${title}\n\n${body}`;
const code = (text: string) => `\`${text}\``;
const row = (...cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
const tableOf = (head: readonly string[], rows: readonly string[]) =>
  [row(...head), `|${' --- |'.repeat(head.length)}`, ...rows].join('\n');
const link = (page: string) => `[${page}](${pageUrl(page)})`;

function introduction(): string {
  return `# The local warehouse

The local warehouse runs supported SQL with the meaning that it has in Amazon Redshift. It refuses everything else, by name and position. It never guesses.

This page is generated: \`npx millrace conformance --reference\` writes it from the front end's own tables and from the conformance pack, and a test keeps it current.`;
}

function statements(): string {
  const supported = commands.filter(isSupportedCommand);
  const refused = commands.filter((command) => !supported.includes(command));
  return `These are the commands of the ${link('c_SQL_commands')} page.

Supported: ${supported.map(code).join(', ')}.

Refused: ${refused.map(code).join(', ')}.`;
}

function typeLists(): string {
  const supported = types.filter(isSupportedType);
  const refused = types.filter((type) => !supported.includes(type));
  return `Supported: ${supported.map(code).join(', ')}.

Refused: ${refused.map(code).join(', ')}.`;
}

function constructTable(): string {
  const rows = Object.entries(constructs).map(([name, sql]) => {
    const refusal = refusalOf(sql);
    return row(name.replaceAll('|', '\\|'), refusal === undefined ? 'supported' : 'refused');
  });
  return tableOf(['construct', ''], rows);
}

function bulkOptions(): string {
  const list = (page: string, all: readonly string[], known: object, unread: readonly string[] = []) => {
    const isRead = (name: string) => Object.hasOwn(known, name.toLowerCase()) && !unread.includes(name);
    return `Options of ${link(page)}, supported: ${all.filter(isRead).map(code).join(', ')}.

Refused: ${all
      .filter((name) => !isRead(name))
      .map(code)
      .join(', ')}.`;
  };
  return `COPY reads delimited text, CSV, Parquet and JSON: \`'auto'\`, \`'auto ignorecase'\`, \`'noshred'\` and a JSONPaths file. UNLOAD writes delimited text, CSV, JSON and Parquet.

${list('r_COPY', copyOptionNames, copyOptions, ['BZIP2'])}

${list('r_UNLOAD', unloadOptionNames, unloadOptions)}`;
}

function functionTables(): string {
  const entries = Object.entries(functions).sort(([one], [other]) => (one < other ? -1 : 1));
  const of = (kind: 'aggregate' | 'window' | undefined) =>
    entries
      .filter(([, entry]) => entry.kind === kind)
      .map(
        ([
          name,
          {
            arguments: [least, most],
            mutable,
          },
        ]) => {
          const count = least === most ? `${least}` : `${least}–${most}`;
          return `${code(name)} (${count}${mutable ? ', mutable' : ''})`;
        },
      )
      .join(', ');
  return `With the number of their arguments. A mutable function keeps a materialized view from being maintained incrementally. Any other function is refused.

Scalar: ${of(undefined)}.

Aggregates, also as window functions: ${of('aggregate')}.

Window functions: ${of('window')}.

Over the catalog, for clients of the PostgreSQL port, and without tables: ${Object.keys(catalogFunctions)
    .filter((name) => !name.includes(' '))
    .sort()
    .map(code)
    .join(', ')}.`;
}

function views(): string {
  const rows = [...systemViews].map(([name, { columns }]) =>
    row(code(name), columns.map((column) => code(column.name)).join(', ')),
  );
  return tableOf(['view', 'columns'], rows);
}

const groundOf = ({ ground }: Case) => (ground.kind === 'assumed' ? 'assumed' : link(ground.page));

function knownRefusals(pack: readonly Topic[]): string {
  const cases = pack.flatMap((topic) => topic.cases.filter(({ known }) => known !== undefined));
  const rows = cases.map((each) => row(each.topic, each.name.replaceAll('|', '\\|'), groundOf(each)));
  return `What Redshift does, by the pack, and the local warehouse refuses.\n\n${tableOf(['topic', 'case', 'ground'], rows)}`;
}

/** Of each kind of item how many have an edge; every one of them is looked at by a case. */
function edgeTable(pack: readonly Topic[]): string {
  const all = coverageOf(pack);
  const groups = [...new Set(all.map(({ item }) => item.group))];
  const rows = groups.map((group) => {
    const items = all.filter(({ item }) => item.group === group);
    const having = (edge: Edge) => items.filter(({ cells }) => cells[edge] !== 'does not apply').length;
    return row(group, items.length, ...edges.map(having));
  });
  const reasons = edges.map((edge) => `for ${code(edge)}, ${otherwise[edge]}`).join('; ');
  return `Each item of the allow-list has cases for its edges, which a test counts: ${code('null')} is NULL, ${code('empty')} an empty text, no rows or what is not there, ${code('overflow')} too much, ${code('type')} another type or kind of object, ${code('unicode')} letters beyond ASCII, ${code('leap')} the 29th of February. The numbers are the items that have the edge. An item without one is such that it, ${reasons}.

${tableOf(['kind', 'items', ...edges], rows)}`;
}

function grounds(everything: readonly Topic[]): string {
  // What is refused, whatever Redshift does, has no ground.
  const pack = everything.map((topic) => ({ ...topic, cases: topic.cases.filter(({ refused }) => !refused) }));
  const refused = everything.flatMap(({ cases }) => cases.filter((each) => each.refused));
  const rows = pack.map(({ name, about, cases }) => {
    const pages = new Set(cases.flatMap(({ ground }) => (ground.kind === 'documented' ? [ground.page] : [])));
    const assumed = cases.filter(({ ground }) => ground.kind === 'assumed').length;
    return row(code(name), about, cases.length, assumed, [...pages].sort().map(link).join(', '));
  });
  const all = pack.flatMap(({ cases }) => cases);
  const assumed = all.filter(({ ground }) => ground.kind === 'assumed').length;
  return `${all.length} cases, ${all.length - assumed} of them by the documentation, ${assumed} assumed. \`npx millrace conformance\` runs them here, and against a cluster or workgroup of yours. ${refused.length} more cover ${refused.flatMap(({ steps }) => steps).length} statements that the local warehouse refuses, whatever Redshift does with them.

${tableOf(['topic', 'about', 'cases', 'assumed', 'pages'], rows)}`;
}
