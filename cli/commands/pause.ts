import {
  DescribeClustersCommand,
  DescribeScheduledActionsCommand,
  PauseClusterCommand,
  RedshiftClient,
  ResumeClusterCommand,
} from '@aws-sdk/client-redshift';
import type { Command } from 'commander';
import { clientSettings } from '../../lambda/shared/client-settings';
import { Failure } from '../failure';
import type { Output } from '../terminal';
import { DEFAULT_DATA, text } from './options';
import { type RuntimeConnection, readRuntimeFile } from './runtime-file';

interface PauseIo {
  readonly stdout: Output;
}

const explanations = {
  pause:
    'Pauses the cluster of a running `npm start`, as its schedule does: records wait on the streams, and nothing is merged.',
  resume: 'Resumes the cluster of a running `npm start` before its schedule does. The next refresh reads what waited.',
} as const;

type Action = keyof typeof explanations;

export const addPause = (program: Command, io: PauseIo) => add('pause', program, io);
export const addResume = (program: Command, io: PauseIo) => add('resume', program, io);

function add(action: Action, program: Command, { stdout }: PauseIo): void {
  program
    .command(action)
    .summary(`${action} the cluster of the running local environment`)
    .description(`${explanations[action]} In AWS: aws redshift ${action}-cluster.\n\n  npx millrace ${action}`)
    .option('--data <dir>', 'data folder of the running runtime', text('--data'), DEFAULT_DATA)
    .action(async ({ data }: { data: string }) => {
      const runtime = readRuntimeFile(data);
      const { ClusterIdentifier } = runtime.warehouse;
      if (ClusterIdentifier === undefined) throw new Failure('a serverless workgroup is not paused: it has no cluster');
      await withClient(runtime, async (client) => {
        const wanted = action === 'pause' ? 'paused' : 'available';
        if ((await statusOf(client, ClusterIdentifier)) !== wanted)
          await client.send(
            action === 'pause'
              ? new PauseClusterCommand({ ClusterIdentifier })
              : new ResumeClusterCommand({ ClusterIdentifier }),
          );
      });
      stdout.write(`${(await pausedText(runtime)) ?? `the cluster ${ClusterIdentifier} is available`}\n`);
    });
}

/** Says that the cluster is paused, and until when. Undefined if it is not paused. */
export async function pausedText(runtime: RuntimeConnection): Promise<string | undefined> {
  const { ClusterIdentifier } = runtime.warehouse;
  if (ClusterIdentifier === undefined) return undefined;
  return withClient(runtime, async (client) => {
    if ((await statusOf(client, ClusterIdentifier)) !== 'paused') return undefined;
    const { ScheduledActions = [] } = await client.send(new DescribeScheduledActionsCommand({}));
    const [until] = ScheduledActions.filter(({ TargetAction }) => TargetAction?.ResumeCluster !== undefined)
      .flatMap(({ NextInvocations = [] }) => NextInvocations)
      .sort((one, other) => one.getTime() - other.getTime());
    const end = until === undefined ? '' : ` until ${until.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    return `the cluster ${ClusterIdentifier} is paused${end}; \`npx millrace resume\` resumes it now`;
  });
}

const statusOf = async (client: RedshiftClient, ClusterIdentifier: string) =>
  (await client.send(new DescribeClustersCommand({ ClusterIdentifier }))).Clusters?.[0]?.ClusterStatus;

async function withClient<T>(
  { endpoint, region, credentials }: RuntimeConnection,
  act: (client: RedshiftClient) => Promise<T>,
): Promise<T> {
  const client = new RedshiftClient({ ...clientSettings(), endpoint, region, credentials });
  try {
    return await act(client);
  } finally {
    client.destroy();
  }
}
