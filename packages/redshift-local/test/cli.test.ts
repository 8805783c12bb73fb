import { main, optionsOf } from '../src/cli';

async function run(args: readonly string[]) {
  let out = '';
  let err = '';
  const code = await main(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
  });
  return { code, out, err };
}

test('every option of the help is read', () => {
  const args = ['--port', '5480', '--data', 'x', '--s3', 'http://a', '--kinesis', 'http://b', '--secrets', 'https://c'];
  expect(optionsOf([...args, '--case-sensitive', '--throttle'])).toEqual({
    port: 5480,
    data: 'x',
    s3: 'http://a',
    kinesis: 'http://b',
    secrets: 'https://c',
    caseSensitive: true,
    throttle: true,
  });
});

test('the help says how to begin', async () => {
  const { code, out } = await run(['--help']);
  expect(code).toBe(0);
  expect(out).toContain('npx redshift-local --port 5480');
});

test.each([
  ['a port that is none', ['--port', '70000'], "--port must be a whole number between 0 and 65535, got '70000'"],
  ['an endpoint that is no URL', ['--s3', 'localhost:9000'], '--s3 must be a URL like http://127.0.0.1:9000'],
  ['an option that is not known', ['--portt', '1'], "Unknown option '--portt'"],
])('%s is refused with exit code 2', async (_, args, message) => {
  const { code, err } = await run(args);
  expect(code).toBe(2);
  expect(err).toContain(message);
});
