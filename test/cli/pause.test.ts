import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { millrace } from './io';

const folder = mkdtempSync(join(tmpdir(), 'millrace-pause-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function outputs(pipelines: object): string {
  const file = join(folder, 'outputs.json');
  const data = {
    HistoryBucketName: 'h',
    ArchiveBucketName: 'a',
    ExportsBucketName: 'e',
    WorkBucketName: 'w',
    WarehouseName: 'w',
    DatabaseName: 'd',
    OwnerSecretArn: 's',
  };
  writeFileSync(file, JSON.stringify({ 'millrace-dev-data': data, 'millrace-dev-pipelines': pipelines }));
  return file;
}

describe.each(['pause', 'resume'])('%s', (verb) => {
  test.each([
    [['nowhere'], 2, "environment must be one of dev, staging, prod, got 'nowhere'"],
    [['dev', '--environment', 'prod'], 2, 'environment is dev, but --environment is prod; name it once'],
    [['--timeout', '0'], 2, '--timeout must be a whole number from 1'],
    [['--outputs', join(folder, 'none.json'), 'dev'], 2, 'there is no such file'],
    [['--data', folder], 1, `no local runtime is running over ${folder}`],
  ])('%j is refused', async (args, code, message) => {
    expect(await millrace(verb, ...args)).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });

  test('an environment that was deployed before it had the function is told so', async () => {
    expect(await millrace(verb, 'dev', '--outputs', outputs({}))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has no output PauseFunctionName; deploy it again'),
    });
  });

  test('its help has examples', async () => {
    expect((await millrace(verb, '--help')).stdout).toContain(`npx millrace ${verb} staging`);
  });
});

test.each(['tomorrow', '2026-02-30', '2026-12-24T10:00'])('--until %s is no time', async (until) => {
  expect(await millrace('pause', '--until', until)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`--until must be a day such as 2026-01-31 or a time`),
  });
});
