import { existingStream, existingWarehouse, warehouseKind } from '../../environments/declaration';
import type { Partner } from '../../environments/environment';
import { concurrencyOf, stacksWithEndpoints } from '../../lib/endpoints/share';
import { partnerRoleName, preset } from '../../lib/partners/presets';
import { names, warehouseRoleName, warehouseRoles } from '../../lib/shared/names';
import { stackName } from '../cloud/names';
import type { NamedThing } from './account';
import { existingFindings } from './existing';
import { type Answer, type Finding, fails, look, ok, type Plan } from './finding';

/** Runs every check, in the order in which a deployment depends on them. */
export async function preflight(plan: Plan): Promise<Finding[]> {
  const deployed = { data: await stack(plan, 'data'), pipelines: await stack(plan, 'pipelines') };
  const findings = [
    bootstrap(plan),
    deployed.data.finding,
    deployed.pipelines.finding,
    ...(existingWarehouse(plan.environment) ? [] : [zones(plan)]),
    ...(plan.environment.warehouse.kind === 'provisioned' ? [nodeType(plan), serviceRole(plan)] : []),
    concurrency(plan),
    ...(deployed.pipelines.outputs.includes('ApiUrl') ? [] : reservation(plan)),
    ...(deployed.data.exists ? [] : beforeData(plan, deployed.data.exists)),
    ...(deployed.pipelines.exists ? [] : takenByPipelines(plan, deployed.pipelines.exists)),
    ...existingFindings(plan, deployed.data.exists === true),
    ...plan.environment.partners.map((partner) => principal(plan, partner)),
  ];
  return Promise.all(findings);
}

/** Version that the CDK's present stacks need (`requiresBootstrapStackVersion` in the cloud assembly). */
const leastBootstrap = 6;

const bootstrap = ({ account, accountId }: Plan) =>
  look('bootstrap', 'bootstrapVersion', async () => {
    const version = await account.bootstrapVersion();
    const mend = `npx cdk bootstrap aws://${accountId}/${account.region}`;
    if (version === undefined) return fails(`the CDK is not bootstrapped in ${account.region}`, mend);
    if (version >= leastBootstrap) return ok(`version ${version}`);
    return fails(`the bootstrap stack has version ${version}, at least ${leastBootstrap} is needed`, mend);
  });

/**
 * Statuses that block a deployment, with the command that ends them. The CDK itself deletes a stack whose first
 * deployment failed (ROLLBACK_COMPLETE).
 */
const stuck: readonly (readonly [RegExp, (name: string) => string])[] = [
  [/^UPDATE_ROLLBACK_FAILED$/, (name) => `aws cloudformation continue-update-rollback --stack-name ${name}`],
  [/^(DELETE|ROLLBACK)_FAILED$/, (name) => `aws cloudformation delete-stack --stack-name ${name}`],
  [
    /^(CREATE|UPDATE|DELETE|ROLLBACK|UPDATE_ROLLBACK|IMPORT).*_IN_PROGRESS$/,
    (name) => `aws cloudformation describe-stack-events --stack-name ${name}`,
  ],
];

async function stack({ account, environment }: Plan, which: 'data' | 'pipelines') {
  const name = stackName(environment.name, which);
  let status: string | undefined;
  let outputs: readonly string[] = [];
  const finding = await look(`stack ${which}`, 'stack', async () => {
    ({ status, outputs = [] } = (await account.stack(name)) ?? {});
    if (status === undefined) return ok(`${name} does not exist yet`);
    const wrong = stuck.find(([statuses]) => statuses.test(status!));
    return wrong ? fails(`${name} is ${status}`, wrong[1](name)) : ok(`${name} is ${status}`);
  });
  const gone = status === undefined || status === 'ROLLBACK_COMPLETE' || status === 'REVIEW_IN_PROGRESS';
  return { finding: Promise.resolve(finding), exists: finding.result === "can't tell" ? undefined : !gone, outputs };
}

const zones = ({ account, environment }: Plan) =>
  look('zones', 'zones', async () => {
    const found = await account.zones();
    const serverless = environment.warehouse.kind === 'serverless';
    const least = serverless && account.region !== 'us-west-1' ? 3 : 2;
    if (found.length >= least) return ok(found.join(', '));
    return fails(
      `${account.region} has ${found.length} zones for this account (${found.join(', ')}), ${least} are needed`,
      `set another \`region\` in environments/${environment.name}.ts`,
    );
  });

const nodeType = ({ account, environment }: Plan) =>
  look('node type', ['zonesOfNodeType', 'zones'], async () => {
    const { warehouse } = environment;
    if (warehouse.kind !== 'provisioned') return ok('none');
    const offered = await account.zonesOfNodeType(warehouse.nodeType);
    const mend = `set another \`warehouse.nodeType\` or \`region\` in environments/${environment.name}.ts`;
    if (offered.length === 0) return fails(`Redshift has no ${warehouse.nodeType} in ${account.region}`, mend);
    // The subnets are in the first two zones.
    const used = (await account.zones()).slice(0, 2);
    if (used.some((zone) => offered.includes(zone))) return ok(`${warehouse.nodeType} in ${offered.join(', ')}`);
    return fails(
      `Redshift has ${warehouse.nodeType} in ${offered.join(', ')} only, the subnets are in ${used.join(', ')}`,
      mend,
    );
  });

const serviceRole = ({ account }: Plan) =>
  look('service-linked role', 'role', async () =>
    (await account.exists('role', 'AWSServiceRoleForRedshift'))
      ? ok('AWSServiceRoleForRedshift exists')
      : ok('AWSServiceRoleForRedshift does not exist yet: Redshift creates it with the first cluster'),
  );

/** At most four custom resources run at once. Each occupies CDK's function and ours. */
const leastConcurrency = 8;

const concurrency = ({ account }: Plan) =>
  look('Lambda concurrency', 'concurrency', async () => {
    const { limit, unreserved } = await account.concurrency();
    if (unreserved >= leastConcurrency) return ok(`${unreserved} of ${limit} concurrent executions are not reserved`);
    return fails(
      `${unreserved} of ${limit} concurrent executions are not reserved, a deployment needs ${leastConcurrency}`,
      'aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000',
    );
  });

/** Executions that AWS keeps free for functions that reserve none (Lambda developer guide, "Configuring reserved concurrency"). Smaller accounts can reserve none. */
const keptUnreserved = 100;

/** An environment without endpoints reserves nothing. A deployed one has its reservation already. */
function reservation({ account, environment, pipelines }: Plan): Promise<Finding>[] {
  const functions = stacksWithEndpoints(pipelines).length;
  if (functions === 0 || environment.endpoints?.reserved === false) return [];
  const wanted = functions * concurrencyOf(environment.endpoints, functions);
  const finding = look('Lambda reservation', 'concurrency', async () => {
    const { limit, unreserved } = await account.concurrency();
    const most = unreserved - keptUnreserved;
    if (wanted <= most) return ok(`the endpoints reserve ${wanted} of ${unreserved} unreserved executions`);
    const can = most > 0 ? `only ${most}` : 'none';
    const set = most >= functions ? `concurrency: ${Math.floor(most / functions)}` : 'reserved: false';
    return fails(
      `the endpoints reserve ${wanted} concurrent executions, and this account can reserve ${can}: ${unreserved} of ${limit} are not reserved, and AWS keeps ${keptUnreserved} of them`,
      `set \`endpoints: { ${set} }\` in environments/${environment.name}.ts, or aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value ${Math.max(1000, limit + wanted - most)}`,
    );
  });
  return [finding];
}

const vpcs = ({ account }: Plan) =>
  look('VPCs', 'vpcs', async () => {
    const { used, limit } = await account.vpcs();
    if (used < limit) return ok(`${used} of ${limit}; no elastic IP address is needed`);
    return fails(
      `all ${limit} VPCs of ${account.region} are used, and one more is needed`,
      `aws service-quotas request-service-quota-increase --service-code vpc --quota-code L-F678F1CE --desired-value ${limit + 1}`,
    );
  });

const streamQuota = ({ account, pipelines: all, environment }: Plan) =>
  look('streams', 'streams', async () => {
    const pipelines = all.filter(({ name }) => !existingStream(environment, name));
    const { used, limit, shards, shardLimit } = await account.streams();
    const onDemand = pipelines.filter(({ stream }) => stream.capacity.mode === 'on-demand').length;
    const wanted = pipelines.reduce(
      (sum, { stream: { capacity } }) => sum + (capacity.mode === 'provisioned' ? capacity.shards : 0),
      0,
    );
    const quota = 'aws service-quotas list-service-quotas --service-code kinesis';
    if (used + onDemand > limit)
      return fails(`${used} of ${limit} on-demand streams are used, and ${onDemand} more are needed`, quota);
    if (shards + wanted > shardLimit)
      return fails(`${shards} of ${shardLimit} shards are used, and ${wanted} more are needed`, quota);
    return ok(`${used} of ${limit} on-demand streams, ${shards} of ${shardLimit} shards`);
  });

/**
 * A taken name stops the first deployment. A destroyed environment may have retained it.
 * @param exists the stack that may own it
 */
function taken(what: NamedThing, name: string, exists: boolean | undefined, mend: string, { account }: Plan) {
  return async (): Promise<Answer> => {
    if (!(await account.exists(what, name))) return ok(`the name ${name} is free`);
    if (exists === false)
      return fails(`a ${what} ${name} already exists, and no stack of this environment owns it`, mend);
    return {
      result: "can't tell",
      detail: `a ${what} ${name} exists, and it is not known whether the environment's stack owns it`,
    };
  };
}

/** What only the first deployment of the stack `data` needs. */
const beforeData = (plan: Plan, exists: boolean | undefined): Promise<Finding>[] => [
  ...(existingWarehouse(plan.environment) ? [] : [vpcs(plan)]),
  streamQuota(plan),
  ...takenByData(plan, exists),
];

function takenByData(plan: Plan, exists: boolean | undefined): Promise<Finding>[] {
  const { environment, pipelines } = plan;
  const kind = warehouseKind(environment) === 'provisioned' ? 'cluster' : 'workgroup';
  const rename = `give the environment another \`name\`, or remove the ${kind}`;
  return [
    ...(existingWarehouse(environment)
      ? warehouseRoles.map((role) => {
          const name = warehouseRoleName(environment.name, role);
          return look(
            `role ${name}`,
            'role',
            taken('role', name, exists, `aws iam delete-role --role-name ${name}`, plan),
          );
        })
      : [look(kind, kind, taken(kind, names.warehouse(environment.name), exists, rename, plan))]),
    ...pipelines.flatMap(({ name }) => {
      if (existingStream(environment, name)) return [];
      const stream = names.stream(environment.name, name);
      const mend = `aws kinesis delete-stream --stream-name ${stream}`;
      return look(`stream ${name}`, 'stream', taken('stream', stream, exists, mend, plan));
    }),
  ];
}

const takenByPipelines = (plan: Plan, exists: boolean | undefined): Promise<Finding>[] =>
  plan.environment.partners.map(({ name }) => {
    const role = partnerRoleName(plan.environment.name, name);
    const mend = `aws iam delete-role --role-name ${role}`;
    return look(`role of ${name}`, 'role', taken('role', role, exists, mend, plan));
  });

/** Account numbers of the examples in the AWS documentation. Nobody owns them. */
const exampleAccounts = [
  '111122223333',
  '123456789012',
  '444455556666',
  '777788889999',
  '012345678901',
  '111111111111',
  '222222222222',
  '123456789123',
  '000000000000',
];

function principal(plan: Plan, partner: Partner): Promise<Finding> {
  const { account, accountId, environment } = plan;
  const arn = preset(partner).principal;
  const [, , , , owner, resource = ''] = (arn ?? '').split(':');
  const [type, ...path] = resource.split('/');
  const isOwn = owner === accountId && (type === 'role' || type === 'user');
  return look(`partner ${partner.name}`, isOwn ? (type as 'role' | 'user') : 'role', async () => {
    const awaited = arn === undefined || partner.externalId.kind === 'awaited';
    if (awaited) return ok('trusts nobody until its principal and external id are known');
    const at = `environments/${environment.name}.ts`;
    if (exampleAccounts.includes(owner!))
      return fails(
        `${arn} is an example of the AWS documentation, and IAM refuses principals that do not exist`,
        `put the partner's own account into ${at}`,
      );
    if (isOwn)
      return (await account.exists(type as 'role' | 'user', path.at(-1)!))
        ? ok(`${arn} is there`)
        : fails(
            `${arn} does not exist, and IAM refuses principals that do not exist`,
            `correct \`who.principal\` of ${partner.name} in ${at}`,
          );
    if (partner.who.kind !== 'aws') return ok(`${arn}, as ${partner.who.kind} documents it`);
    return {
      result: "can't tell",
      detail: `${arn} is in another account, which does not say whether it exists. Ask the partner for the output of \`aws sts get-caller-identity\``,
    };
  });
}
