import type { Environment } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import { endpointReads } from '../../sql/endpoints/plan';
import { withoutComments } from '../../sql/text/tokens';
import { commonTableExpressions } from '../../sql/views/compiled-views';
import { type RelationReference, relationReferences } from '../../sql/views/relations';
import { plainText, yamlText } from './yaml';

/** The relations that a query reads, without those that it defines itself. */
export function relationsRead(query: string): RelationReference[] {
  const sql = withoutComments(query);
  const common = commonTableExpressions(sql);
  return relationReferences(sql).filter(({ schema, name }) => schema !== undefined || !common.has(name));
}

const ownerOf = ({ name }: Environment) => ({ name: `millrace ${name}` });

/** An export as dbt's exposure. @param sources what it reads, as `source('estore', 'events')` */
export function exportExposure(
  environment: Environment,
  pipeline: string,
  { name, content, format }: Pipeline['exports'][number],
  sources: readonly string[],
) {
  const full = `${pipeline}.${name}`;
  const readers = environment.partners.filter(({ access }) => access.mode === 'read' && access.exports.includes(full));
  const window = content.kind === 'snapshot' ? content.every : content.window;
  const every = typeof window === 'string' ? window : `${window.minutes} minutes`;
  return {
    name: `${pipeline}__${name}__export`,
    label: `Export ${full}`,
    type: 'application',
    description: [
      content.kind === 'snapshot'
        ? `The whole result, exported every ${every} as ${format.kind}.`
        : `The rows of each window (${every}), exported as ${format.kind}.`,
      ...(readers.length > 0 ? [`Partners that read it: ${readers.map((partner) => partner.name).join(', ')}.`] : []),
    ].join(' '),
    owner: ownerOf(environment),
    depends_on: sources,
  };
}

/** The exports and endpoints of a pipeline: `exp_<pipeline>.yml`. Undefined if it has none. */
export function exposuresFile(environment: Environment, pipeline: Pipeline): string | undefined {
  const { name, exports, endpoints = [], views } = pipeline;
  const known = ['events', 'rejects', 'duplicates', ...views.map((view) => view.name)];
  const sources = (relations: Iterable<string>) =>
    [...new Set(relations)].filter((each) => known.includes(each)).map((each) => `source('${name}', '${each}')`);
  const exposures = [
    ...exports
      .filter(({ engine = 'redshift' }) => engine === 'redshift')
      .map((each) =>
        exportExposure(environment, name, each, sources(relationsRead(each.query).map((relation) => relation.name))),
      ),
    ...endpoints.map((endpoint) => ({
      name: `${name}__${endpoint.name}__endpoint`,
      label: `Endpoint ${name}.${endpoint.name}`,
      type: 'application',
      description: plainText(endpoint.description ?? `The endpoint ${name}.${endpoint.name}.`),
      owner: ownerOf(environment),
      depends_on: sources(endpointReads(pipeline, endpoint)),
    })),
  ];
  return exposures.length === 0 ? undefined : yamlText({ version: 2, exposures });
}
