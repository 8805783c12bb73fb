import { type ExportItem, lengthText } from '../../../lambda/export/contract';
import { pipelines as declared } from '../../../pipelines';
import type { ExportDefinition, Pipeline } from '../../../pipelines/definition';
import { exportPlan } from '../../../sql/exports/plan';
import { Failure } from '../../failure';

/** An export with its definition and the item that its function carries. */
export interface NamedExport {
  /** `<pipeline>.<export>`. */
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly definition: ExportDefinition;
  readonly item: ExportItem;
}

/** @param pipelines @default - those of the working tree */
export function allExports(pipelines: readonly Pipeline[] = declared): NamedExport[] {
  return pipelines.flatMap((pipeline) => {
    if (pipeline.exports.length === 0) return [];
    const { exports } = exportPlan(pipeline);
    return pipeline.exports.map((definition, i) => ({
      name: `${pipeline.name}.${definition.name}`,
      pipeline,
      definition,
      item: exports[i]!,
    }));
  });
}

/** @throws Failure that lists the known exports */
export function findExport(name: string, pipelines?: readonly Pipeline[]): NamedExport {
  const all = allExports(pipelines);
  const found = all.find((candidate) => candidate.name === name);
  if (found) return found;
  throw new Failure(`export must be one of ${all.map((candidate) => candidate.name).join(', ')}, got '${name}'`, 2);
}

/** Describes when an export publishes: `every hour, 15 minutes late, with corrections`. */
export function contentText({ content }: ExportItem): string {
  if (content.kind === 'snapshot') return `snapshot every ${lengthText(content.window)}`;
  const late = content.latenessMinutes > 0 ? `, ${content.latenessMinutes} minutes late` : '';
  const since = content.since === undefined ? '' : `, since ${new Date(content.since).toISOString()}`;
  return `every ${lengthText(content.window)}${late}${since}${content.corrections ? ', with corrections' : ''}`;
}
