import type { Step } from '../../../lambda/shared/plan';
import type { ViewChecks } from '../../../lambda/warehouse-object/contract';
import { forgetStatements, leaveStatements, recordStatements } from '../../../lambda/warehouse-object/registry';
import { identityVersion } from '../../../sql';
import { rebuildSpec, resetStatements } from '../../../sql/objects/rebuild';
import { resolvePipeline } from '../../../sql/resolve';
import { identityTableNames } from '../../../sql/tables/names';
import type { Party } from './parties';
import { anObject, finer, known, objectOf, pipeline } from './world';

const transaction = (name: string, statements: readonly string[]): Step => ({ name, mode: 'transaction', statements });
const only =
  (...steps: readonly Step[]) =>
  async () =>
    steps.map((step) => ({ step, values: {} }));

const young = anObject('shop.young', 'v1');
const resources = ['Stack/Resource'];

const shown = objectOf(pipeline, 'SeenPublic');
const [refresh, create] = JSON.parse(shown.properties.create) as [Step, Step];

const { batch, search } = rebuildSpec(resolvePipeline(finer));
const previous = identityVersion(pipeline);
export const rebuildStep = transaction('rebuild', batch);
export const rebuildValues: Record<string, string> = {
  ...Object.fromEntries(identityTableNames.map((table) => [`previous_${table}`, `${table}_${previous}`])),
  previous_identity: previous,
  kept_at: 'at',
  kept_extra: 'extra',
  kept_kind: 'kind',
  kept_id: 'id',
  judged_again: 'yes',
  ...search!.batchValues,
  raised: '[]',
};

/** What the function behind warehouse objects runs. */
export const deploymentParties = {
  rebuild: {
    name: 'rebuild',
    make: async () => [{ step: rebuildStep, values: rebuildValues }],
  },
  reset: { name: 'reset of a rebuild', make: only(transaction('reset', resetStatements(resolvePipeline(finer)))) },
  completeRows: {
    name: 'completion of rows',
    make: only((JSON.parse(objectOf(pipeline, 'Seen').properties.checks!) as ViewChecks).upToDate[0]!),
  },
  deploy: {
    name: 'switch of a view',
    make: only(
      refresh,
      transaction(
        'switch',
        recordStatements(
          { ...anObject(shown.properties.name, shown.properties.version), kind: 'public-view' },
          resources,
          'deploy',
          create.statements,
        ),
      ),
    ),
  },
  record: {
    name: 'record of an object',
    make: only(transaction('record', recordStatements(young, resources, 'deploy'))),
  },
  forget: { name: 'end of an object', make: only(transaction('forget', forgetStatements(known))) },
  leave: {
    name: 'change of an object’s resources',
    make: only(transaction('leave', leaveStatements(known, ['Stack/Other']))),
  },
} as const satisfies Readonly<Record<string, Party>>;
