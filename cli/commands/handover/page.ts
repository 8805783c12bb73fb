import { environmentDeclaration } from '../../../environments/declaration';
import type { Environment } from '../../../environments/environment';
import type { OwnerGrant } from '../../../lib/existing/owner-grants';
import type { Pipeline } from '../../../pipelines/definition';
import { existingChanges } from '../../plan/existing';

/** The page for the owners: what is used, what happens to it, and what they add. */
export function page(
  environment: Environment,
  pipelines: readonly Pipeline[],
  account: string,
  grants: readonly OwnerGrant[],
): string {
  const { existing } = environmentDeclaration(environment, pipelines);
  const uses = existingChanges({}, existing, (object, action, summary, ...notes) => ({
    object,
    pipeline: null,
    action,
    summary,
    notes,
  }));
  const heading = `# Millrace ${environment.name} in the account ${account}: what its owners have to add`;
  if (uses.length === 0) return `${heading}\n\nNothing: the environment uses only what Millrace makes.\n`;
  const parts = [
    heading,
    'Millrace never changes or deletes what is listed here, except as it is written here.',
    '## What is used',
    uses.map(({ object, summary, notes }) => `- ${object}: ${[summary, ...notes].join(' ')}`).join('\n'),
    '## What you add',
    ...(grants.length === 0 ? ['Nothing.'] : grants.map(section)),
    ...(grants.some(({ kind }) => kind === 'key policy')
      ? ['Add a statement to the policy that is there. `aws kms put-key-policy` replaces the whole policy.']
      : []),
    ...(grants.some(({ kind }) => kind === 'attached roles')
      ? [
          'Attach roles beside those that are there: `aws redshift modify-cluster-iam-roles --cluster-identifier … --add-iam-roles …` for a cluster. `aws redshift-serverless update-namespace --namespace-name … --iam-roles …` replaces the list, so name the others too.',
          'The warehouse must reach Kinesis, S3 and STS: with enhanced VPC routing through endpoints or a NAT gateway of its network.',
        ]
      : []),
    ...(grants.some(({ kind }) => kind === 'notification configuration')
      ? [
          'Add to the notification configuration that is there: `aws s3api get-bucket-notification-configuration --bucket …` prints it, and `put-bucket-notification-configuration` replaces all of it.',
        ]
      : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

const section = ({ kind, resource, owner, why, field, add }: OwnerGrant, index: number) =>
  [
    `### ${index + 1}. ${kind[0]!.toUpperCase()}${kind.slice(1)} of ${resource}`,
    `In the account ${owner}. ${why} (\`${field}\`)`,
    `\`\`\`json\n${JSON.stringify(add, null, 2)}\n\`\`\``,
  ].join('\n\n');
