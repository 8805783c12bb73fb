import type { Pipeline } from '../../pipelines/definition';
import { isText } from '../../sql/merge/text';
import { landedMarginHours } from '../../sql/tables/landing';
import { identityTableNames, tableNames } from '../../sql/tables/names';
import { reservedProblems } from '../../sql/text/identifier';
import { viewColumnProblems } from '../../sql/views/public-view';
import { columnsProblems, identityProblems } from './columns';
import { endpointsProblems } from './endpoints';
import { exportColumnProblems, exportProblems } from './exports';
import { declaredTwice, must, problem } from './format';
import { historyProblems, missingInText, recordProblems } from './history';
import { pipelineShape } from './pipeline-shape';
import { queryProblems } from './queries';
import { retentionProblems, subjectProblems } from './retention';
import { between, type Checked, check, elementName, isBetween } from './shape';

/**
 * Every problem of a pipeline. Rules that look at more than one field run where those fields have the right types.
 * @param at the pipeline in messages, as `pipelines.estore`
 * @param now epoch milliseconds
 */
export function checkPipeline(pipeline: Pipeline, at: string, now: number): Checked {
  const checked = check(pipelineShape, pipeline, at);
  const all = [...checked.problems, ...ruleProblems(pipeline, at, now, checked)];
  // The columns of queries are known only if everything else is right.
  return { ...checked, problems: all.length > 0 ? all : columnProblems(pipeline) };
}

function columnProblems(pipeline: Pipeline): string[] {
  return [
    ...viewColumnProblems(pipeline),
    ...pipeline.exports.flatMap((definition) => exportColumnProblems(pipeline, definition)),
  ];
}

function ruleProblems(pipeline: Pipeline, at: string, now: number, { sound, right }: Checked): string[] {
  const are = (...fields: readonly (keyof Pipeline)[]) => fields.every((field) => sound(field));
  return [
    ...(are('name') ? reservedProblems(`${at}.name`, pipeline.name) : []),
    ...(are('stream') ? streamProblems(pipeline, at, now) : []),
    ...(are('stream', 'columns') && isText(pipeline.stream.records)
      ? missingInText(pipeline, `${at}.stream.records.format`)
      : []),
    ...(are('columns') ? columnsProblems(pipeline.columns, at) : []),
    ...(are('columns', 'identity', 'history') ? identityProblems(pipeline, at) : []),
    ...(are('columns', 'history') ? historyProblems(pipeline, at) : []),
    ...(are('subject', 'columns') ? subjectProblems(pipeline, `${at}.subject`) : []),
    ...(are('retention', 'stream', 'columns', 'history') ? retentionProblems(pipeline, `${at}.retention`) : []),
    ...(are('views') ? viewNameProblems(pipeline, at) : []),
    ...(are('exports') ? exportsProblems(pipeline, `${at}.exports`) : []),
    ...(are('endpoints') ? endpointsProblems(pipeline, `${at}.endpoints`) : []),
    ...(are('name', 'views', 'exports', 'endpoints')
      ? queryProblems(pipeline, are('stream', 'identity') && right('columns'))
      : []),
  ];
}

function exportsProblems({ exports }: Pipeline, at: string): string[] {
  return [
    ...exports.flatMap((definition, index) => exportProblems(definition, at + elementName(definition, index))),
    ...declaredTwice(
      at,
      exports.map(({ name }) => name),
    ),
  ];
}

const dayMs = 86_400_000;

function streamProblems({ stream }: Pipeline, at: string, now: number): string[] {
  const { retentionHours, landedHours, recreatedAt, records } = stream;
  const least = retentionHours + landedMarginHours;
  return [
    ...recordProblems(records, `${at}.stream.records`),
    ...(landedHours === undefined || isBetween(landedHours, least, 87_600)
      ? []
      : [problem(`${at}.stream.landedHours`, between(least, 87_600), landedHours)]),
    // Tolerates a day, because clocks differ.
    ...(recreatedAt === undefined
      ? []
      : must(
          !(Date.parse(recreatedAt) > now + dayMs),
          `${at}.stream.recreatedAt`,
          'not lie in the future',
          recreatedAt,
        )),
  ];
}

/** Names of the tables that carry a version, and names that would give the same construct as their views. */
const identityView = new RegExp(`^(${identityTableNames.join('|')})_([0-9a-f]{8}|public)$`);

function viewNameProblems({ name, views }: Pipeline, at: string): string[] {
  const names = views.map((view) => view.name);
  return [
    ...names.flatMap((view) => reservedProblems(`${at}.views.${view}.name`, view)),
    ...names
      .filter(
        (view) =>
          (tableNames as readonly string[]).includes(view) || identityView.test(view) || view.startsWith('landing_'),
      )
      .map((view) => `${at}.views.${view} has the name of one of the tables of ${name}`),
    ...declaredTwice(`${at}.views`, names),
  ];
}
