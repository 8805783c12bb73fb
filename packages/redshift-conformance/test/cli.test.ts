import { main } from '../src/cli';

async function run(args: readonly string[]) {
  let out = '';
  let err = '';
  const code = await main(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

test('the topics of the pack are listed', async () => {
  const { code, out } = await run(['--list']);
  expect(code).toBe(0);
  expect(out).toMatch(/^merge: .+ \(\d+ cases\)$/m);
});

const cluster = ['--cluster', 'c', '--database', 'd'];
test.each([
  ['no warehouse', [], 'name a warehouse with --cluster or --workgroup'],
  ['a user without a warehouse', ['--db-user', 'u'], '--db-user is for a real warehouse'],
  ['two warehouses', [...cluster, '--workgroup', 'w'], 'give one of --cluster and --workgroup, not both'],
  ['a cluster without a user', cluster, 'a cluster needs --secret or --db-user'],
  [
    'a bucket without its role',
    [...cluster, '--db-user', 'u', '--bucket', 'b'],
    '--bucket and --bucket-role go together',
  ],
  ['a topic that does not exist', [...cluster, '--topic', 'x'], "got 'x'"],
  ['too many cases at a time', [...cluster, '--parallel', '17'], '--parallel must be a whole number between 1 and 16'],
  ['an option that is not known', ['--clusterr', 'c'], "Unknown option '--clusterr'"],
])('%s is refused with exit code 2', async (_, args, message) => {
  const { code, err } = await run(args);
  expect(code).toBe(2);
  expect(err).toContain(message);
});
