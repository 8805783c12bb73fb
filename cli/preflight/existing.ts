import { existingStream, existingWarehouse } from '../../environments/declaration';
import type { ExistingBucket, ExistingStream } from '../../environments/environment';
import { warehouseRoleName, warehouseRoles } from '../../lib/shared/names';
import type { Pipeline } from '../../pipelines/definition';
import { type Answer, type Finding, fails, look, ok, type Plan } from './finding';

/**
 * Checks what the environment names as existing.
 * @param hasRoles whether the roles that the warehouse's owner attaches are deployed
 */
export const existingFindings = (plan: Plan, hasRoles = false): Promise<Finding>[] => [
  ...plan.pipelines.flatMap((pipeline) => {
    const stream = existingStream(plan.environment, pipeline.name);
    return stream ? [streamFinding(plan, pipeline, stream)] : [];
  }),
  ...(plan.environment.history ? [bucketFinding(plan, plan.environment.history.bucket)] : []),
  ...(existingWarehouse(plan.environment) ? [warehouseFinding(plan, hasRoles)] : []),
];

const handover = ({ environment }: Plan) => `npx millrace handover ${environment.name}`;

function streamFinding(plan: Plan, { name, stream }: Pipeline, existing: ExistingStream): Promise<Finding> {
  const field = `pipelines.${name}.stream`;
  const file = `environments/${plan.environment.name}.ts`;
  return look(`existing stream ${name}`, 'stream', async (): Promise<Answer> => {
    const found = await plan.account.stream(existing.existing);
    if (!found) return fails(`there is no stream ${existing.existing}`, `correct \`${field}.existing\` in ${file}`);
    if (found.status !== 'ACTIVE' && found.status !== 'UPDATING')
      return fails(
        `${existing.existing} is ${found.status}`,
        `aws kinesis describe-stream-summary --stream-arn ${existing.existing}`,
      );
    if (found.retentionHours !== stream.retentionHours)
      return fails(
        `${existing.existing} keeps records for ${found.retentionHours} hours, and \`stream.retentionHours\` says ${stream.retentionHours}: gaps would be found too late or for nothing`,
        `set \`stream.retentionHours\` of pipelines/${name}/pipeline.ts to ${found.retentionHours}`,
      );
    if (existing.role !== undefined)
      return {
        result: "can't tell",
        detail: `${existing.existing} is there. ${existing.role} is in another account, which does not say whom it trusts and what it may. Ask its owners: \`${handover(plan)}\` has the policies`,
      };
    const wrongKey = keyProblem(found.keyId, existing.key);
    if (wrongKey) return fails(`${existing.existing} is ${wrongKey}`, `correct \`${field}.key\` in ${file}`);
    return ok(`${existing.existing} is ${found.status} and keeps records for ${found.retentionHours} hours`);
  });
}

function bucketFinding(plan: Plan, { existing, key }: ExistingBucket): Promise<Finding> {
  const file = `environments/${plan.environment.name}.ts`;
  return look('existing history bucket', 'bucket', async (): Promise<Answer> => {
    const found = await plan.account.bucket(existing, plan.accountId);
    if (!found)
      return fails(`there is no bucket ${existing} in this account`, `correct \`history.bucket.existing\` in ${file}`);
    if (found.region !== plan.account.region)
      return fails(
        `${existing} is in ${found.region}, not in ${plan.account.region}`,
        `set another \`region\` in ${file}`,
      );
    const wrongKey = keyProblem(found.keyId, key);
    if (wrongKey) return fails(`${existing} is ${wrongKey}`, `correct \`history.bucket.key\` in ${file}`);
    if (!found.eventBridge)
      return fails(
        `${existing} does not send its events to EventBridge: new objects would wait for the next reconcile`,
        `${handover(plan)} has what its owner adds`,
      );
    return ok(
      `${existing} sends its events to EventBridge${found.versioned ? '' : '. It has no versions: an object that is overwritten before its load is lost'}`,
    );
  });
}

function warehouseFinding(plan: Plan, hasRoles: boolean): Promise<Finding> {
  const { environment, account, accountId } = plan;
  const existing = existingWarehouse(environment)!;
  const file = `environments/${environment.name}.ts`;
  const isCluster = existing.is === 'provisioned';
  const what = `${isCluster ? 'the cluster' : 'the workgroup'} ${existing.name}`;
  return look('existing warehouse', isCluster ? 'existingCluster' : 'existingWorkgroup', async (): Promise<Answer> => {
    const group = existing.is === 'serverless' ? await account.existingWorkgroup(existing.name) : undefined;
    const found = existing.is === 'serverless' ? group : await account.existingCluster(existing.name);
    const field = `\`warehouse.${isCluster ? 'cluster' : 'workgroup'}\``;
    if (!found) return fails(`there is no ${what.slice(4)} in this account and region`, `correct ${field} in ${file}`);
    if (group && existing.is === 'serverless' && (group.arn !== existing.arn || group.namespace !== existing.namespace))
      return fails(
        `${what} has the ARN ${group.arn} and the namespace ${group.namespace}`,
        `correct ${field} in ${file}`,
      );
    if (!/^available$/i.test(found.status))
      return fails(
        `${what} is ${found.status}`,
        isCluster
          ? `aws redshift resume-cluster --cluster-identifier ${existing.name}`
          : `aws redshift-serverless get-workgroup --workgroup-name ${existing.name}`,
      );
    const missing = warehouseRoles
      .map((role) => `arn:aws:iam::${accountId}:role/${warehouseRoleName(environment.name, role)}`)
      .filter((arn) => !found.roles.includes(arn));
    if (missing.length === 0) return ok(`${what} is available and has the roles`);
    if (!hasRoles)
      return ok(
        `${what} is available. Deploy millrace-${environment.name}-data first, then let its owner attach the roles`,
      );
    return fails(`${what} lacks the roles ${missing.join(', ')}`, `${handover(plan)} has what its owner adds`);
  });
}

/** The managed keys of Kinesis and S3 need no permission. An alias does not say its key. */
function keyProblem(keyId: string | undefined, key: string | undefined): string | undefined {
  if (keyId === undefined || /alias\/aws\/(kinesis|s3)$/.test(keyId))
    return key === undefined ? undefined : `encrypted without a customer key, and \`key\` names ${key}`;
  if (key === undefined) return `encrypted with the customer key ${keyId}, and \`key\` names none`;
  if (keyId.includes('alias/') || key.endsWith(`:${keyId}`) || key.endsWith(`/${keyId}`) || key === keyId)
    return undefined;
  return `encrypted with the customer key ${keyId}, and \`key\` names ${key}`;
}
