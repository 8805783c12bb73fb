import { createHash } from 'node:crypto';
import type { WarehouseObjectProperties } from '../../../lambda/warehouse-object/contract';
import { isCompleteFunction, onEventFunction } from '../../../lambda/warehouse-object/object';
import { parseObject } from '../../../lambda/warehouse-object/properties';
import { parseRequest } from '../../../lambda/warehouse-object/request';
import { StatementTexts } from '../../../lib/warehouse/statement-texts';
import { warehouseObjects } from '../../../sql';
import { widePipeline } from '../../support/wide';
import { FakeWarehouse } from '../fakes';
import { fakeHost, recordedRows, step } from './host';

const merge = [`lock ${'x'.repeat(5000)}`, 'insert'];
const sha256 = createHash('sha256').update(JSON.stringify(merge)).digest('hex');
const view: WarehouseObjectProperties = {
  name: 'shop.landing_1a2b3c4d',
  kind: 'landing-view',
  version: '1a2b3c4d',
  identity: 'owner',
  create: JSON.stringify([step('create', 'create materialized view v')]),
  delete: JSON.stringify([step('last-merge', ...merge), step('drop', 'drop materialized view v')]),
};
const short: WarehouseObjectProperties = {
  ...view,
  delete: JSON.stringify([
    { name: 'last-merge', mode: 'transaction', statements: { sha256, statements: 2, bytes: 5020 } },
    step('drop', 'drop materialized view v'),
  ]),
};

function setUp(
  type: string,
  texts: Record<string, readonly string[]>,
  recorded: WarehouseObjectProperties | undefined,
) {
  const warehouse = new FakeWarehouse();
  warehouse.outcome = ({ name }) => (name.endsWith('/recorded') && recorded ? { rows: recordedRows(recorded) } : {});
  const host = { ...fakeHost(warehouse), texts };
  const event = {
    RequestType: type,
    RequestId: 'req-1',
    StackId: 'arn:aws:cloudformation:eu-west-1:000000000000:stack/stack/uuid',
    LogicalResourceId: 'One',
    PhysicalResourceId: 'v',
    ResourceProperties: { ServiceToken: 'arn', ...short },
  };
  const request = () => parseRequest(event, texts);
  return {
    removed: async () => {
      await onEventFunction(host)(event, () => 60_000);
      expect(await isCompleteFunction(host)(event, () => 60_000)).toEqual({ IsComplete: true });
      return warehouse.statements
        .filter(({ submission }) => submission.token)
        .map(({ submission }) => submission.statements.map((sql) => sql.slice(0, 6)))
        .slice(0, -1);
    },
    request,
  };
}

test('long statements come from the bundle', async () => {
  expect(await setUp('Delete', { [sha256]: merge }, undefined).removed()).toEqual([['lock x', 'insert'], ['drop m']]);
});

test('those of an earlier deployment, whose bundle is gone, come from the registry', async () => {
  expect(await setUp('Delete', {}, view).removed()).toEqual([['lock x', 'insert'], ['drop m']]);
});

test('an object that never was complete has neither, and is dropped', async () => {
  expect(await setUp('Delete', {}, undefined).removed()).toEqual([['drop m']]);
});

test('nothing is created without its statements', () => {
  expect(() => setUp('Create', {}, undefined).request()).toThrow(
    `delete[0].statements refers to the statements ${sha256}, which this version of the function does not carry: deploy again`,
  );
});

test('what is shortened for the template is the same object again', () => {
  const pipeline = widePipeline('shop', 60);
  const texts = new StatementTexts([pipeline]);
  const tokens = { streamName: 's', streamRoleArn: 'arn', database: 'd' };
  const objects = warehouseObjects(pipeline, tokens);
  for (const object of objects) {
    const { properties } = texts.shorten(object);
    expect(parseObject(properties, texts.plan.texts)).toEqual(parseObject(object.properties));
  }
  const bytes = (id: string) => JSON.stringify(texts.shorten(objects.find((one) => one.id === id)!).properties).length;
  expect(bytes('Landing')).toBeLessThan(3000);
  expect(bytes('Events')).toBeLessThan(30_000);
});
