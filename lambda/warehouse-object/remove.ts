import { commonValues, type ObjectCall, stepRun } from './call';
import { splitName } from './catalog';
import type { Step } from './contract';
import { stepsOf, type WarehouseObject } from './properties';
import { forgetStatements, leaveStatements, otherResources, type Recorded } from './registry';
import { type Result, renderSteps, runSteps } from './steps';

/** Drops the object and its record. If another resource has the object too, only the record changes. */
export async function remove(call: ObjectCall): Promise<Result> {
  const { object, resource } = call.request;
  const run = { ...stepRun(call), harmless: absence(object) };
  const recorded = await call.group.recorded(call);
  const others = otherResources(recorded, resource);
  if (others.length > 0)
    return runSteps(
      run,
      [{ name: 'leave', mode: 'transaction', statements: leaveStatements(object, others) }],
      'leave-',
    );
  const result = await runSteps(run, renderSteps(removalSteps(object, recorded), commonValues(call)));
  if (result === 'waiting' || object.identity === 'admin') return result;
  return runSteps(run, [{ name: 'forget', mode: 'transaction', statements: forgetStatements(object) }], 'forget-');
}

/**
 * Messages that mean that there is nothing to remove. A landing view is merged before it is dropped. If one of the merge's own columns or tables is
 * missing, the view must not be dropped unmerged.
 */
function absence({ kind, name }: WarehouseObject): RegExp {
  if (kind !== 'landing-view') return /does not exist/i;
  const [, view] = splitName(name);
  return new RegExp(`\\b(?:${view}|schema)\\b.*does not exist`, 'is');
}

/**
 * If the request refers to statements of an earlier version of the function, the record has them. An object without a record was never completed, so
 * nothing was done with it, and the statements at hand are enough to drop it.
 */
const removalSteps = (object: WarehouseObject, recorded: Recorded | undefined): readonly Step[] =>
  object.incomplete && recorded?.removal
    ? stepsOf(recorded.removal, 'removal')
    : object.delete.filter(({ statements }) => statements.length > 0);
