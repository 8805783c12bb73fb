import { readFileSync } from 'node:fs';
import type { CloudAssembly } from 'aws-cdk-lib/cx-api';
import type { Pipeline } from '../../pipelines/definition';
import { type Finding, type Judged, judge } from './limits';
import { measurePipeline } from './pipeline';
import { measureTemplate, type Template } from './template';

export { type Judged, limits } from './limits';

/** Errors and warnings about the limits of valid pipelines. */
export const judgePipelines = (pipelines: readonly Pipeline[]): Judged => judge(pipelines.flatMap(measurePipeline));

/** Errors and warnings about the templates of an assembly and of the stages in it. */
export const judgeAssembly = (assembly: CloudAssembly): Judged => judge(measureAssembly(assembly));

function measureAssembly(assembly: CloudAssembly): Finding[] {
  return [
    ...assembly.stacks.flatMap(({ stackName, templateFullPath }) => {
      const text = readFileSync(templateFullPath, 'utf8');
      return measureTemplate(stackName, JSON.parse(text) as Template, Buffer.byteLength(text));
    }),
    ...assembly.nestedAssemblies.flatMap(({ nestedAssembly }) => measureAssembly(nestedAssembly)),
  ];
}
