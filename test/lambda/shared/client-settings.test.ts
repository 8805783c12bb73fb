import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { feedStream } from '../../../cli/commands/feed';
import { explain } from '../../../cli/failure';
import { clientSettings } from '../../../lambda/shared/client-settings';

/** Accepts every connection and never answers. */
async function silentServer() {
  const requests: string[] = [];
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (bytes) => requests.push(bytes.toString('latin1').split('\r\n')[0]!));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { requests, server, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('a server that accepts and never answers: three requests of HTTP/1.1, then an error that says so', async () => {
  const { requests, server, endpoint } = await silentServer();
  const client = new KinesisClient({
    ...clientSettings({ answerMs: 200 }),
    endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  try {
    const error = await feedStream(client, 'clicks', [{ data: '{}', partitionKey: '1' }]).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ name: 'TimeoutError', $metadata: { attempts: 3 } });
    expect(explain(error)).toMatch(/^the service did not answer in time, tried 3 times: .*200 ms/);
    expect(requests).toEqual(Array(3).fill('POST / HTTP/1.1'));
  } finally {
    client.destroy();
    server.close();
  }
});

test('by default a connection has 5 seconds and an answer a minute', () => {
  const { requestHandler, maxAttempts } = clientSettings();
  expect(maxAttempts).toBe(3);
  return requestHandler.handle({} as never, { abortSignal: AbortSignal.abort() }).catch(() => {
    expect(requestHandler.httpHandlerConfigs()).toMatchObject({
      connectionTimeout: 5_000,
      requestTimeout: 60_000,
      throwOnRequestTimeout: true,
      socketTimeout: 60_000,
    });
  });
});
