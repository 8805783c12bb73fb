import { KinesisClient } from '@aws-sdk/client-kinesis';
import { type Services, startServices } from 'aws-local/testing';
import { readerContract } from './kinesis-reader';

let services: Services;
let client: KinesisClient;
beforeAll(async () => {
  services = await startServices();
  client = new KinesisClient(services.client());
});
afterAll(() => services.stop());

const pass = async (ms: number) => services.clock.advanceTo(services.clock.now() + ms);

test.each(Object.entries(readerContract))('over the local Kinesis: %s', async (name, run) => {
  await run({ client, now: services.clock.now, pass }, name.replace(/\W+/g, '-'));
});
