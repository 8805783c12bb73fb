import { AwsError, type Principal, type StsPort } from 'aws-local-kit';
import { createMaterialize, type Materialize, type MaterializeOptions, materializeRole } from '../../local/materialize';
import type { ExportDefinition } from '../../pipelines/definition';
import { roleArn, roleOf } from '../support/cloud';
import { openTemplate, shop, World, type WorldOptions } from './world';

export const jumpRole: Principal = { kind: 'administrator', arn: materializeRole, account: '664411391173' };
export const user = 'exporter@example.com';
const password = 'mzp_secret';

export const copied = (name: string, overrides: Partial<ExportDefinition> = {}): ExportDefinition => ({
  name,
  query: 'select id, amount, sold_at from sales',
  file: `exports/${name}.sql`,
  engine: 'materialize',
  columns: [
    { name: 'id', type: 'text' },
    { name: 'amount', type: 'numeric' },
    { name: 'sold_at', type: 'timestamp' },
  ],
  content: {
    kind: 'incremental',
    timeColumn: 'sold_at',
    window: 'hour',
    latenessMinutes: 15,
    since: '2026-11-21T03:00Z',
  },
  format: { kind: 'parquet' },
  ...overrides,
});

/** The external ids that the partner's role demands. */
export interface Trust {
  externalIds: readonly string[];
}

/** The world of the exports with a Materialize in it, whose connection `exports` the partner's role trusts. */
export interface MaterializeWorld {
  readonly world: World;
  readonly server: Materialize;
  readonly trust: Trust;
  sell(at: string, ...amounts: number[]): Promise<void>;
  /** Keys that Materialize has written and nobody has deleted. */
  staged(): Promise<string[]>;
  dispose(): Promise<void>;
}

export async function openMaterializeWorld(
  definition: ExportDefinition,
  options: Partial<Pick<MaterializeOptions, 'around' | 's3'>> = {},
  worldOptions: WorldOptions = {},
): Promise<MaterializeWorld> {
  const template = await openTemplate(shop(definition));
  const world = await World.open(template, worldOptions);
  const trust: Trust = { externalIds: [] };
  const sts: Pick<StsPort, 'assumeRole'> = {
    assumeRole(_, { externalId, roleArn: role }) {
      if (!trust.externalIds.includes(externalId ?? ''))
        throw new AwsError('AccessDenied', `not trusted by ${role}`, 403);
      return { principal: roleOf('partner'), credentials: { accessKeyId: '', secretAccessKey: '', sessionToken: '' } };
    },
  };
  const { clock, s3 } = world.cloud;
  const server = await createMaterialize({
    s3: s3.port,
    sts,
    clock,
    jumpRole,
    passwordOf: (name) => (name === user ? password : undefined),
    ...options,
  });
  await server.run(`create connection exports to aws (assume role arn = '${roleArn('partner')}')`);
  trust.externalIds = [server.connections[0]!.externalId];
  await server.run('create table sales (id varchar, amount decimal(12, 2), sold_at timestamp)');
  const { host, port, ca } = server;
  world.materialize = { server, target: { host, port, ca, user, password, database: 'materialize' } };
  let number = 0;
  return {
    world,
    server,
    trust,
    async sell(at, ...amounts) {
      const rows = amounts.map((amount) => `('s${++number}', ${amount}, '${at}')`);
      await server.run(`insert into sales values ${rows.join(', ')}`);
    },
    async staged() {
      const found = await s3.port.list(roleOf('partner'), 'exports', 'partners/materialize/');
      return found.map(({ key }) => key);
    },
    async dispose() {
      await server.dispose();
      await world.dispose();
      template.remove();
    },
  };
}
