import type { EndpointDefinition, EndpointParam, Pipeline } from '../../pipelines/definition';
import { isPlainName } from '../text/identifier';
import { isWord } from '../text/token-walk';
import { place, significant, type Token, tokenize } from '../text/tokens';
import { commonTableExpressions } from '../views/compiled-views';
import { type OutputColumn, outputColumns } from '../views/output-columns';
import { relationReferences } from '../views/relations';
import { unknownColumns } from '../views/unknown-columns';
import { combinations, includedIn, maxSets } from './combinations';
import { functionProblems } from './functions';
import { boundParam } from './params';
import { boundedQuery, reservedPrefix } from './row-limit';
import { structureProblem } from './structure';
import { paramSets, plainText, readTemplate, type Template, type TemplateProblem, textWith } from './template';
import { withParams } from './with-params';

export const defaultMaxRows = 10_000;

/** The parameters that an endpoint declares, by name. */
export const paramsOf = ({
  params = {},
}: Pick<EndpointDefinition, 'params'>): Readonly<Record<string, EndpointParam>> => params;

/**
 * Everything wrong with an endpoint's query and its parameters, one line each, with the place in the file. The
 * endpoint's other fields have to be right.
 * @param withRelations whether the pipeline is sound enough to ask which relations and columns the query names
 */
export function endpointProblems(pipeline: Pipeline, endpoint: EndpointDefinition, withRelations: boolean): string[] {
  const { name, query, file } = endpoint;
  const at = `pipelines.${pipeline.name}.endpoints.${name}`;
  const located = ({ at: offset, text }: TemplateProblem) =>
    offset < 0 ? `${at} (${file}): ${text}` : `${at} (${file}, ${place(query, offset)}) ${text}`;
  const template = readTemplate(query);
  if (template.tokens.length === 0) return template.problems.map(located);
  const all = significant(tokenize(plainText(template)));
  const end = all.findIndex(({ text }) => text === ';');
  const tokens = end < 0 ? all : all.slice(0, end);
  const second = end < 0 ? undefined : all.slice(end).find(({ text }) => text !== ';');
  const form = [...template.problems, ...statementProblems(query, tokens)];
  const functions = functionProblems(tokens);
  const found = [
    ...form,
    ...(second ? [{ at: second.at, text: 'must be one statement' }] : []),
    ...undeclared(template, endpoint),
    ...clauseProblems(template, endpoint),
    ...functions,
    ...(withRelations && form.length === 0
      ? relationProblems(pipeline, plainText(template).slice(0, second?.at)).filter(
          ({ at: offset }) => !functions.some((other) => other.at === offset),
        )
      : []),
  ];
  const ofFields = [...unused(template, endpoint, at), ...tenantProblems(template, endpoint, at)];
  const lines = [...found.sort((one, other) => one.at - other.at).map(located), ...ofFields];
  if (lines.length > 0 || !withRelations) return lines;
  const later = combinationProblems(pipeline, endpoint, template);
  return [...new Set(later.map(located))];
}

const verbs =
  `insert update delete merge truncate drop alter create grant revoke copy unload call lock vacuum analyze refresh
  prepare execute declare fetch begin commit set show explain`.split(/\s+/);

function statementProblems(query: string, tokens: readonly Token[]): TemplateProblem[] {
  const [first] = tokens;
  if (first === undefined) return [{ at: 0, text: 'is empty; it must be a select' }];
  const problems: TemplateProblem[] = [];
  const braces = query.indexOf('{{');
  if (braces >= 0) problems.push({ at: braces, text: 'cannot hold {{, which marks a placeholder' });
  if (!isWord(first, 'select', 'with')) problems.push({ at: first.at, text: `must be a select, got ${first.text}` });
  for (const [index, token] of tokens.entries()) {
    const before = tokens[index - 1]?.text ?? '';
    if (isWord(token, 'into')) problems.push({ at: token.at, text: 'writes with into; it can only read' });
    else if (index > 0 && ['(', ')'].includes(before) && isWord(token, ...verbs) && tokens[index + 1]?.text !== '.')
      problems.push({ at: token.at, text: `has ${token.value}; it can only read` });
    if (isWord(token, 'for') && isWord(tokens[index + 1], 'update', 'share'))
      problems.push({ at: token.at, text: `locks rows with for ${tokens[index + 1]!.value}; it can only read` });
    if (isWord(token, 'top') && isWord(tokens[index - 1], 'select', 'distinct', 'all'))
      problems.push({ at: token.at, text: 'uses top; use limit' });
  }
  return problems;
}

function undeclared({ uses }: Template, endpoint: EndpointDefinition): TemplateProblem[] {
  const params = paramsOf(endpoint);
  const declared = Object.keys(params);
  return uses
    .filter(({ name }) => isPlainName(name) && !Object.hasOwn(params, name))
    .map(({ name, at }) => ({
      at,
      text: `uses :${name}, which params does not declare; it has ${declared.join(', ') || 'none'}`,
    }));
}

function unused({ uses }: Template, endpoint: EndpointDefinition, at: string): string[] {
  return Object.keys(paramsOf(endpoint))
    .filter((name) => !uses.some((use) => use.name === name))
    .map((name) => `${at}.params.${name} is not used in ${endpoint.file}`);
}

function tenantProblems({ uses }: Template, endpoint: EndpointDefinition, at: string): string[] {
  const { tenant } = endpoint;
  if (tenant === undefined) return [];
  const params = paramsOf(endpoint);
  if (!Object.hasOwn(params, tenant))
    return [
      `${at}.tenant must name one of the endpoint's params (${Object.keys(params).join(', ') || 'there are none'}), got ${JSON.stringify(tenant)}`,
    ];
  return [
    ...(params[tenant]!.default === undefined
      ? []
      : [`${at}.params.${tenant} must have no default: it is the tenant, which each token fixes`]),
    ...(uses.some(({ name, clause }) => name === tenant && clause === undefined)
      ? []
      : [`${at}.tenant must be used outside of optional clauses in ${endpoint.file}, got ${JSON.stringify(tenant)}`]),
  ];
}

function clauseProblems(template: Template, endpoint: EndpointDefinition): TemplateProblem[] {
  const params = paramsOf(endpoint);
  const { clauses, uses } = template;
  const hasValue = (name: string) =>
    (Object.hasOwn(params, name) && params[name]!.default !== undefined) ||
    uses.some((use) => use.name === name && use.clause === undefined);
  const sets = paramSets(template).length;
  return [
    ...clauses
      .filter((clause) => clause.params.length > 0 && clause.params.every(hasValue))
      .map(({ at, params: names }) => ({
        at,
        text: `has an optional clause that is always used, since ${names.map((name) => `:${name}`).join(' and ')} always ${names.length === 1 ? 'has a value' : 'have values'}: remove the brackets`,
      })),
    ...(sets > maxSets
      ? [
          {
            at: clauses[0]!.at,
            text: `has optional clauses with ${sets} different sets of parameters, which are ${2 ** sets} combinations; at most ${maxSets} sets are allowed, which are ${2 ** maxSets}`,
          },
        ]
      : []),
  ];
}

function relationProblems(pipeline: Pipeline, text: string): TemplateProblem[] {
  const views = pipeline.views.map(({ name }) => name);
  const common = commonTableExpressions(text);
  const foreign = relationReferences(text)
    .filter(({ schema, name }) => !(schema === undefined && common.has(name)))
    .filter(({ schema, name }) => schema !== pipeline.name || !views.includes(name))
    .map(({ schema, name, first }) => ({
      at: first.at,
      text: `reads ${[schema, name].filter(Boolean).join('.')}, which is no view of the pipeline; it can read ${views.map((view) => `${pipeline.name}.${view}`).join(', ') || 'none'}`,
    }));
  if (foreign.length > 0) return foreign;
  if (relationReferences(text).every(({ schema }) => schema === undefined))
    return [{ at: 0, text: 'reads no view of the pipeline' }];
  return unknownColumns(pipeline, text).map(({ name, at, known }) => ({
    at,
    text: `names ${name}, which is no column of what it reads; known are ${[...new Set(known)].join(', ')}`,
  }));
}

/** Problems that show in whole statements: their columns, their rows, and words that a left out clause leaves behind. */
function combinationProblems(pipeline: Pipeline, endpoint: EndpointDefinition, template: Template): TemplateProblem[] {
  const { maxRows = defaultMaxRows } = endpoint;
  const params = paramsOf(endpoint);
  const places = significant(template.tokens);
  const whole = textWith(
    template,
    () => true,
    (name) => `:${name}`,
  );
  const typed = (sql: string) => withParams(sql, (name) => boundParam(name, params[name]!));
  const columns = outputColumns(pipeline, typed(whole));
  const start = places[0]!.at;
  const unnamed = columnProblems(columns).map((text) => ({ at: start, text }));
  if (unnamed.length > 0) return unnamed;
  const shape = (of: readonly OutputColumn[]) => of.map(({ name, type }) => `${name} ${type}`).join(', ');
  const countAt = places.find((token) => isWord(token, 'limit', 'offset'))?.at ?? start;
  return combinations(template).flatMap((bits): TemplateProblem[] => {
    const sql = textWith(template, includedIn(template, bits), (name) => `:${name}`);
    const left = template.clauses.filter((clause) => !includedIn(template, bits)(clause));
    const without = left.length === 0 ? '' : `, without the optional clauses of ${namesOf(left)},`;
    const structure = structureProblem(significant(tokenize(sql)));
    if (structure !== undefined)
      return [{ at: left[0]?.at ?? start, text: `${structure}${without.replace(/,$/, '')}` }];
    const own = outputColumns(pipeline, typed(sql));
    if (shape(own) !== shape(columns))
      return [{ at: left[0]?.at ?? start, text: `has other columns without the optional clauses of ${namesOf(left)}` }];
    return boundedQuery(sql, own, params, maxRows).problems.map((text) => ({ at: countAt, text }));
  });
}

const namesOf = (clauses: Template['clauses']) =>
  [...new Set(clauses.flatMap(({ params }) => params))].map((name) => `:${name}`).join(', ');

/** Types that an answer cannot hold. */
const unpublished = /^(varbyte|geometry|geography|hllsketch|interval)/;

function columnProblems(columns: readonly OutputColumn[]): string[] {
  const names = columns.map(({ name }) => name);
  if (columns.length === 0) return ['has no columns'];
  return columns.flatMap(({ name, type, text }, index): string[] => {
    if (name === undefined) return [`has a column without a name, ${text}: give it one with as`];
    if (!isPlainName(name) || name.startsWith(reservedPrefix))
      return [
        `has a column ${JSON.stringify(name)}: its name must be lower-case snake_case and not begin with ${reservedPrefix}`,
      ];
    if (names.indexOf(name) !== index) return [`has more than one column ${name}: give them different names with as`];
    if (type === undefined)
      return [
        `has a column ${name} of unknown type: cast it, as in cast(${text.replace(/ as \S+$/, '')} as varchar(64))`,
      ];
    return unpublished.test(type) ? [`has a column ${name} of type ${type}, which no answer can hold`] : [];
  });
}
