import { existingStream } from '../../environments/declaration';
import type { ExistingBucket, ExistingStream } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import { type Answer, type Finding, fails, look, ok, type Plan } from './finding';

/** Checks what the environment names as existing. */
export const existingFindings = (plan: Plan): Promise<Finding>[] => [
  ...plan.pipelines.flatMap((pipeline) => {
    const stream = existingStream(plan.environment, pipeline.name);
    return stream ? [streamFinding(plan, pipeline, stream)] : [];
  }),
  ...(plan.environment.history ? [bucketFinding(plan, plan.environment.history.bucket)] : []),
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

/** The managed keys of Kinesis and S3 need no permission. An alias does not say its key. */
function keyProblem(keyId: string | undefined, key: string | undefined): string | undefined {
  if (keyId === undefined || /alias\/aws\/(kinesis|s3)$/.test(keyId))
    return key === undefined ? undefined : `encrypted without a customer key, and \`key\` names ${key}`;
  if (key === undefined) return `encrypted with the customer key ${keyId}, and \`key\` names none`;
  if (keyId.includes('alias/') || key.endsWith(`:${keyId}`) || key.endsWith(`/${keyId}`) || key === keyId)
    return undefined;
  return `encrypted with the customer key ${keyId}, and \`key\` names ${key}`;
}
