import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import type { Cloud } from '../../cli/cloud/ports';
import { s3Buckets } from '../../cli/cloud/sdk';
import type { NamedExport } from '../../cli/commands/exports/find-export';
import { publishCorrection, publishDue } from '../../cli/commands/exports/publish';
import { readPublications } from '../../cli/commands/exports/read-publications';
import { verifyPublication } from '../../cli/commands/exports/verify-publication';
import { redshiftData } from '../../lambda/shared/redshift-data';
import { redshiftStatus } from '../../lambda/shared/redshift-status';
import { exportPlan } from '../../sql';
import { anExport, openTemplate, shop, World } from '../exports/world';
import { buckets, cluster, database, environment, roleOf } from '../support/cloud';
import { inProcess } from '../support/sdk';
import type { Template } from '../support/template';
import { fakeContext } from './cloud';
import { millrace } from './io';

const day = '2026-11-21';
const pipeline = shop(
  anExport('sold', {
    format: { kind: 'parquet', partitionBy: ['day'] },
    query: 'select id, amount, at, at::date as day from shop.events',
  }),
  anExport('all', { content: { kind: 'snapshot', every: 'hour' }, format: { kind: 'json' } }),
);
const named = (name: string): NamedExport => ({
  name: `shop.${name}`,
  pipeline,
  definition: pipeline.exports.find((definition) => definition.name === name)!,
  item: exportPlan(pipeline).exports.find((item) => item.name === name)!,
});

let template: Template;
let world: World;
let cloud: Cloud;
/** As the function's own doing: the request reaches it, and it has worked on it when this resolves. */
const send = (request: unknown) => world.send(request);

beforeAll(async () => {
  template = await openTemplate(pipeline);
});
afterAll(() => template.remove());
const target = { kind: 'provisioned', name: cluster, database, secretArn: 'millrace_owner' } as const;
beforeEach(async () => {
  world = await World.open(template);
  const clientOf = (service: Parameters<typeof inProcess>[0]) =>
    inProcess(service, roleOf('operator'), (_, __, run) => run());
  cloud = {
    names: { environment, exportsBucket: buckets.exports } as Cloud['names'],
    buckets: s3Buckets(new S3Client(clientOf(world.cloud.s3.service))),
    warehouse: redshiftData(
      new RedshiftDataClient(clientOf(world.cloud.warehouse.service)),
      target,
      redshiftStatus(target, clientOf(world.cloud.warehouse.controlPlane[0]!)),
    ),
  } as unknown as Cloud;
  await world.sell(`${day} 02:10:00`, [1, 2]);
  await world.sell(`${day} 03:10:00`, [3]);
  await world.completeUntil(`${day} 04:40:00`);
});
afterEach(() => world.dispose());

test('run tells what is due and does nothing, until it is told to', async () => {
  const context = fakeContext(cloud);
  const told = await publishDue(context, named('sold'), undefined);
  expect(told).toMatchObject({ export: 'shop.sold', applied: false, lateRows: 0 });
  expect(told.windows.map(({ start }) => start.slice(11, 16))).toEqual(['02:00', '03:00']);
  expect(world.read('sold')).toEqual([]);
  expect(await publishDue(context, named('sold'), send)).toMatchObject({ applied: true, windows: told.windows });
  expect(world.readWindows('sold')).toEqual(['02:00.0', '03:00.0']);
  expect(await publishDue(context, named('sold'), undefined)).toMatchObject({ windows: [] });
});

test('rerun publishes a window again, and none that was not published', async () => {
  const context = fakeContext(cloud);
  await publishDue(context, named('sold'), send);
  const start = Date.parse(`${day}T02:00:00Z`);
  expect(await publishCorrection(context, named('sold'), start, undefined)).toMatchObject({
    applied: false,
    windows: [{ revision: 1 }],
  });
  expect(world.read('sold')).toHaveLength(2);
  await publishCorrection(context, named('sold'), start, send);
  expect(world.readWindows('sold')).toEqual(['02:00.0', '03:00.0', '02:00.1']);
  for (const other of ['02:30', '07:00'])
    await expect(
      publishCorrection(context, named('sold'), Date.parse(`${day}T${other}:00Z`), send),
    ).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('window must be the start of a published window of shop.sold'),
    });
});

test('verify finds what is whole to be whole, in every format', async () => {
  const context = fakeContext(cloud);
  for (const name of ['sold', 'all']) {
    await publishDue(context, named(name), send);
    const found = await readPublications(context, named(name));
    expect(found.length).toBeGreaterThan(0);
    for (const success of found) expect(await verifyPublication(context, success)).toEqual([]);
  }
});

test('verify names the file that is damaged, gone, or of other columns', async () => {
  const context = fakeContext(cloud);
  await publishDue(context, named('sold'), send);
  const [success, other] = await readPublications(context, named('sold'));
  const [file] = success!.files;
  const { port } = world.cloud.s3;
  const original = await port.get(world.reader, buckets.exports, file!.key);
  const damaged = Buffer.from(original);
  damaged[10] = damaged[10]! ^ 1;
  await port.put(world.reader, buckets.exports, file!.key, damaged);
  expect(await verifyPublication(context, success!)).toEqual([expect.stringMatching(/\.parquet: has the SHA-256 /)]);
  await port.put(world.reader, buckets.exports, file!.key, original.subarray(1));
  expect(await verifyPublication(context, success!)).toEqual([
    expect.stringMatching(/has \d+ bytes, success\.json says/),
  ]);
  await port.delete(world.reader, buckets.exports, file!.key);
  expect(await verifyPublication(context, success!)).toEqual([`${file!.key}: is missing`]);
  const columns = other!.columns.map((column) => (column.name === 'amount' ? { ...column, type: 'bigint' } : column));
  expect(await verifyPublication(context, { ...other!, columns })).toEqual([
    expect.stringContaining('column amount is DECIMAL(12,2), success.json says bigint'),
  ]);
  expect(await verifyPublication(context, { ...other!, rows: 7 })).toEqual([
    'success.json says 7 rows, its files make 1',
  ]);
});

test.each([
  [['exports', 'show', 'estore.nothing'], 'export must be one of estore.hourly_revenue'],
  [['exports', 'rerun', 'estore.purchases', 'noon'], 'window must be a day such as 2026-01-31 or a time such as'],
  [['exports', 'verify', 'estore.purchases', '--window', 'x'], '--window must be a day'],
])('%j ends with 2', async (args, message) => {
  const { code, stderr, stdout } = await millrace(...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});
