import type { Environment } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import { exposuresFile } from './exposures';
import { type GeneratedFile, generatedFile } from './generated-file';
import { materializeFile } from './materialize';
import { profilesFile, projectName } from './profiles';
import { sourcesFile } from './sources';
import { modelName, stagingMacros, stagingModel, stagingProperties } from './staging';
import { yamlText } from './yaml';

/** Folders whose files Millrace may have written for a pipeline or an engine that is no longer there. */
export const generatedFolders = ['macros', 'models/materialize', 'models/staging'] as const;

/** Every file of the dbt project of an environment. The pipelines must be valid. */
export function dbtProject(environment: Environment, pipelines: readonly Pipeline[]): GeneratedFile[] {
  const inMaterialize = materializeFile(environment, pipelines);
  const files: Record<string, string | undefined> = {
    '.gitignore': 'dbt_packages/\nlogs/\ntarget/\n',
    'dbt_project.yml': projectFile(environment, {
      inMaterialize: inMaterialize !== undefined,
      exposures: pipelines.some((pipeline) => exposuresFile(environment, pipeline) !== undefined),
    }),
    'profiles.yml': profilesFile(environment, schemaOf(environment, pipelines)),
    'macros/millrace.sql': stagingMacros,
    'models/materialize/src_materialize.yml': inMaterialize,
  };
  for (const pipeline of pipelines) {
    const folder = `models/staging/${pipeline.name}`;
    files[`${folder}/src_${pipeline.name}.yml`] = sourcesFile(pipeline);
    files[`${folder}/stg_${pipeline.name}.yml`] = stagingProperties(pipeline);
    files[`${folder}/${modelName(pipeline.name)}.sql`] = stagingModel(pipeline);
    files[`${folder}/exp_${pipeline.name}.yml`] = exposuresFile(environment, pipeline);
  }
  return Object.entries(files).flatMap(([path, content]) =>
    content === undefined ? [] : [generatedFile(path, content)],
  );
}

/** The schema for what dbt builds: that of no pipeline. */
function schemaOf({ name }: Environment, pipelines: readonly Pipeline[]): string {
  const schema = `dbt_${name.replaceAll('-', '_')}`;
  return pipelines.some((pipeline) => pipeline.name === schema) ? `${schema}_models` : schema;
}

/** dbt warns of a setting for a folder that has nothing to set, so each is left out where there is nothing. */
function projectFile(
  { materialize }: Environment,
  has: { readonly inMaterialize: boolean; readonly exposures: boolean },
) {
  const on = (type: string) => ({ '+enabled': `{{ target.type == '${type}' }}` });
  const settings = (staging: boolean, inMaterialize: boolean) => ({
    [projectName]: {
      ...(staging ? { staging: on('redshift') } : {}),
      ...(inMaterialize ? { materialize: on('materialize') } : {}),
    },
  });
  return yamlText({
    name: projectName,
    version: '1.0.0',
    profile: projectName,
    'require-dbt-version': ['>=1.10.5', '<2.0.0'],
    flags: { send_anonymous_usage_stats: false, require_generic_test_arguments_property: true },
    vars: { millrace_look_back_hours: 24 },
    ...(materialize
      ? {
          models: settings(true, false),
          data_tests: settings(true, false),
          sources: settings(true, has.inMaterialize),
          ...(has.exposures || has.inMaterialize ? { exposures: settings(has.exposures, has.inMaterialize) } : {}),
        }
      : {}),
  });
}
