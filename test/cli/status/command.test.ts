import { millrace } from '../io';

test.each([
  [['nowhere'], "environment must be one of dev, staging, prod, got 'nowhere'"],
  [['dev', '--environment', 'prod'], 'environment is dev, but --environment is prod; name it once'],
  [['--every', '1'], "--every must be a whole number from 5 to 3,600, got '1'"],
  [['--data', '/nowhere/at/all', '--no-cost'], 'no local runtime is running over /nowhere/at/all'],
  [['prod', '--outputs', '/nowhere/outputs.json', '--no-cost'], 'there is no such file'],
])('status %j could not be asked, which is exit code 2', async (args, message) => {
  expect(await millrace('status', ...args)).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining(message),
  });
});

test('its help says what the exit codes mean', async () => {
  const { stdout } = await millrace('status', '--help');
  expect(stdout.replace(/\s+/g, ' ')).toContain(
    '0 if the environment is healthy, 1 if it is not, and 2 if that cannot be said',
  );
  expect(stdout).toContain('npx millrace status prod --watch');
});
