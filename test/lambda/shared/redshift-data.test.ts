import {
  isPassingCall,
  redshiftData,
  type WarehouseTarget,
  warehouseTarget,
} from '../../../lambda/shared/redshift-data';
import {
  endOf,
  execute,
  isPassing,
  ownState,
  UnknownStatementError,
  WarehouseAsleepError,
  waitFor,
} from '../../../lambda/shared/warehouse';
import { type AskStatus, clusterStatus, workgroupStatus } from '../../../lambda/shared/warehouse-status';

const target: WarehouseTarget = {
  kind: 'provisioned',
  name: 'millrace-dev',
  database: 'millrace',
  secretArn: 'arn:secret',
};

const awake: AskStatus = async () => ({ kind: 'available', status: 'available' });

/** Answers each call in turn; an Error is thrown. */
function adapter(answers: unknown[], to: WarehouseTarget = target, status: AskStatus = awake) {
  const calls: { command: string; input: Record<string, unknown> }[] = [];
  const pauses: number[] = [];
  const send = async (command: { constructor: { name: string }; input: Record<string, unknown> }) => {
    calls.push({ command: command.constructor.name, input: command.input });
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const warehouse = redshiftData({ send } as never, to, status, async (ms) => void pauses.push(ms));
  return { warehouse, calls, pauses };
}

const error = (name: string, message = '') => Object.assign(new Error(message), { name });

describe('submit', () => {
  test('one statement goes out by itself, with name, token and event', async () => {
    const { warehouse, calls } = adapter([{ Id: 'i' }]);
    const submission = { name: 'n', mode: 'single', statements: ['select 1'], withEvent: true, token: 't' } as const;
    expect(await warehouse.submit(submission)).toEqual({ id: 'i' });
    expect(calls).toEqual([
      {
        command: 'ExecuteStatementCommand',
        input: expect.objectContaining({
          Sql: 'select 1',
          StatementName: 'n',
          ClientToken: 't',
          WithEvent: true,
          ClusterIdentifier: 'millrace-dev',
          Database: 'millrace',
          SecretArn: 'arn:secret',
        }),
      },
    ]);
  });

  test.each([
    ['transaction', 'TRANSACTION'],
    ['auto-commit', 'AUTO_COMMIT'],
  ] as const)('a step of mode %s is a batch of mode %s', async (mode, ExecutionMode) => {
    const { warehouse, calls } = adapter([{ Id: 'i' }], { ...target, kind: 'serverless', name: 'wg' });
    await warehouse.submit({ name: 'n', mode, statements: ['a', 'b'] });
    expect(calls[0]!.command).toBe('BatchExecuteStatementCommand');
    expect(calls[0]!.input).toMatchObject({ Sqls: ['a', 'b'], ExecutionMode, WorkgroupName: 'wg', WithEvent: false });
    expect(calls[0]!.input).not.toHaveProperty('ClusterIdentifier');
  });

  test('a submission that waits tells that its statement has finished', async () => {
    const CreatedAt = new Date('2026-11-21T05:00:00Z');
    const { warehouse, calls } = adapter([{ Id: 'i', Status: 'FINISHED', CreatedAt }]);
    const submitted = await warehouse.submit({ name: 'n', mode: 'single', statements: ['select 1'], waits: true });
    expect(submitted).toEqual({ id: 'i', finished: { id: 'i', status: 'FINISHED', createdAt: CreatedAt.getTime() } });
    expect(await endOf(warehouse, submitted, () => 60_000)).toBe(submitted.finished);
    expect(calls).toEqual([
      { command: 'ExecuteStatementCommand', input: expect.objectContaining({ WaitTimeSeconds: 5 }) },
    ]);
  });

  test.each(['FAILED', 'ABORTED', 'STARTED', undefined])(
    'a statement that waits and is %s is described',
    async (Status) => {
      const CreatedAt = new Date('2026-11-21T05:00:00Z');
      const ended = { Id: 'i', Status: 'FAILED', Error: 'division by zero' };
      const { warehouse } = adapter([{ Id: 'i', Status, CreatedAt }, ended]);
      const submitted = await warehouse.submit({ name: 'n', mode: 'single', statements: ['select 1'], waits: true });
      expect(submitted).toEqual({ id: 'i' });
      expect(await endOf(warehouse, submitted, () => 60_000)).toMatchObject({ error: 'division by zero' });
    },
  );

  test('refuses more statements than a batch takes', async () => {
    const { warehouse } = adapter([]);
    const statements = Array.from({ length: 41 }, () => 'select 1');
    await expect(warehouse.submit({ name: 'n', mode: 'transaction', statements })).rejects.toThrow(
      '1 to 40 statements, got 41',
    );
  });
});

describe('retries', () => {
  test('a throttled call is repeated after growing pauses', async () => {
    const throttled = error('ValidationException', 'Rate exceeded');
    const { warehouse, calls, pauses } = adapter([throttled, error('ThrottlingException'), { Id: 'i' }]);
    expect(await warehouse.submit({ name: 'n', mode: 'single', statements: ['s'] })).toEqual({ id: 'i' });
    expect(calls).toHaveLength(3);
    expect(pauses[1]!).toBeGreaterThanOrEqual(200);
  });

  test('gives up after a bounded number of attempts', async () => {
    const { warehouse, calls } = adapter(Array.from({ length: 50 }, () => error('ActiveStatementsExceededException')));
    await expect(warehouse.describe('i')).rejects.toThrow();
    expect(calls).toHaveLength(6);
  });

  test.each([
    ['ValidationException', 'Cluster millrace-dev does not exist', false],
    ['ValidationException', 'Too many requests for the workgroup, please try again later', true],
    ['ResourceNotFoundException', 'Rate exceeded', false],
    ['AccessDeniedException', '', false],
    ['InternalServerException', '', true],
  ])('%s (%s): repeated %s', (name, message, repeated) => {
    expect(isPassingCall(error(name, message))).toBe(repeated);
  });

  test.each([
    ['ERROR: 1023 DETAIL: Serializable isolation violation on table - 105', true],
    ['ERROR: deadlock detected', true],
    ['connection to the cluster was lost', true],
    ['ERROR: relation "connection" does not exist', false],
    ['1023 rows were refused', false],
    ['ERROR: division by zero', false],
  ])('SQL failure "%s" passes: %s', (text, passes) => {
    expect(isPassing({ error: text })).toBe(passes);
  });
});

test('lists in every status, page by page, within bounds', async () => {
  const statement = { Id: 'a', StatementName: 'p/1', Status: 'FAILED', CreatedAt: new Date(1), UpdatedAt: new Date(2) };
  const { warehouse, calls } = adapter([
    { Statements: [statement], NextToken: 't' },
    { Statements: [{ ...statement, Id: 'b' }] },
  ]);
  expect(await warehouse.list('p/')).toEqual([
    { id: 'a', name: 'p/1', status: 'FAILED', createdAt: 1, updatedAt: 2 },
    { id: 'b', name: 'p/1', status: 'FAILED', createdAt: 1, updatedAt: 2 },
  ]);
  expect(calls.map(({ input }) => [input.Status, input.NextToken])).toEqual([
    ['ALL', undefined],
    ['ALL', 't'],
  ]);

  const endless = adapter(Array.from({ length: 100 }, () => ({ Statements: [], NextToken: 't' })));
  await expect(endless.warehouse.list('p/')).rejects.toThrow('more than 2000 statements are named p/*');
});

test('the error of a batch tells which statement failed', async () => {
  const SubStatements = [
    { Id: 'i:1', Status: 'FINISHED' },
    { Id: 'i:2', Status: 'FAILED', Error: 'division by zero' },
  ];
  const { warehouse } = adapter([{ Id: 'i', Status: 'FAILED', SubStatements }]);
  expect(await warehouse.describe('i')).toMatchObject({ status: 'FAILED', error: 'statement 2: division by zero' });
});

test('the statements of a batch have their numbers of rows, unless the Data API does not know them', async () => {
  const SubStatements = [0, 2, -1, undefined].map((ResultRows, i) => ({
    Id: `i:${i}`,
    Status: 'FINISHED',
    ResultRows,
  }));
  const { warehouse } = adapter([{ Id: 'i', Status: 'FINISHED', SubStatements }]);
  const { parts } = await warehouse.describe('i');
  expect(parts.map(({ rows }) => rows)).toEqual([0, 2, undefined, undefined]);
});

test('rows of all pages by lower-case column name, null distinct from empty', async () => {
  const ColumnMetadata = [{ name: 'A' }, { name: 'b' }];
  const { warehouse } = adapter([
    { ColumnMetadata, Records: [[{ longValue: 0 }, { stringValue: '' }]], NextToken: 't' },
    { ColumnMetadata, Records: [[{ isNull: true }, { booleanValue: false }]] },
  ]);
  expect(await warehouse.rows('i')).toEqual([
    { a: 0, b: '' },
    { a: null, b: false },
  ]);
});

test.each(['FINISHED', 'FAILED', 'ABORTED'])('waiting ends with %s, by long polling', async (Status) => {
  const { warehouse, calls } = adapter([
    { Id: 'i', Status: 'STARTED' },
    { Id: 'i', Status },
  ]);
  expect((await waitFor(warehouse, 'i', () => 60_000)).status).toBe(Status);
  expect(calls.map(({ input }) => input.WaitTimeSeconds)).toEqual([20, 20]);
});

test('waiting ends when the time is up', async () => {
  const remaining = [5500, 900];
  const { warehouse, calls } = adapter([
    { Id: 'i', Status: 'STARTED' },
    { Id: 'i', Status: 'STARTED' },
  ]);
  expect((await waitFor(warehouse, 'i', () => remaining.shift()!)).status).toBe('STARTED');
  expect(calls.map(({ input }) => input.WaitTimeSeconds)).toEqual([5, undefined]);
});

test('cancels a statement, and one that is over stays as it is', async () => {
  const over = 'Could not cancel a query that is already in FINISHED state with ID: i';
  const { warehouse, calls } = adapter([{ Status: true }, error('ValidationException', over)]);
  await warehouse.cancel('i');
  await warehouse.cancel('i');
  expect(calls).toEqual(Array(2).fill({ command: 'CancelStatementCommand', input: { Id: 'i' } }));
  const { warehouse: other } = adapter(Array(2).fill(error('ResourceNotFoundException', 'Query does not exist: i')));
  await expect(other.cancel('i')).rejects.toThrow('Query does not exist');
});

test.each([
  ['AccessDeniedException', 1],
  ['ResourceNotFoundException', 2],
])('a statement of another role is unknown: %s', async (name, calls) => {
  const { warehouse } = adapter(Array(calls).fill(error(name, 'not yours')));
  await expect(warehouse.describe('i')).rejects.toThrow(UnknownStatementError);
  const { warehouse: again } = adapter(Array(calls).fill(error(name, 'not yours')));
  expect(await ownState(again, 'i')).toBeUndefined();
  const { warehouse: broken } = adapter(Array(2).fill(error('ValidationException', 'no such thing')));
  await expect(ownState(broken, 'i')).rejects.toThrow('no such thing');
});

test('an unknown kind of warehouse is refused', () => {
  const settings = { WAREHOUSE_KIND: 'cluster', WAREHOUSE_NAME: 'n', DATABASE: 'd', SECRET_ARN: 's' };
  expect(() => warehouseTarget(settings)).toThrow('WAREHOUSE_KIND must be provisioned or serverless, got cluster');
});

describe('a warehouse that is away', () => {
  const select = { name: 'n', mode: 'single', statements: ['a'] } as const;
  const words = "Redshift endpoint doesn't exist in this region.";
  const submitting = (status: AskStatus, name = 'ValidationException', to = target) => {
    const { warehouse, calls } = adapter(Array(6).fill(error(name, words)), to, status);
    return { refused: warehouse.submit(select).catch((thrown: unknown) => thrown), calls };
  };

  test.each([
    'ValidationException',
    'ResourceNotFoundException',
    'DatabaseConnectionException',
    'ExecuteStatementException',
    'InternalServerException',
  ])('is recognised by its state, whatever the call says: %s', async (name) => {
    const refused = await submitting(async () => clusterStatus('paused', 'Unavailable'), name).refused;
    expect(refused).toBeInstanceOf(WarehouseAsleepError);
    expect(refused).toMatchObject({
      returning: false,
      message: `the cluster millrace-dev is paused: resume it with \`aws redshift resume-cluster --cluster-identifier millrace-dev\` (${words})`,
    });
  });

  test.each([
    ['resuming', 'Unavailable', 'resuming, Unavailable'],
    ['rebooting', undefined, 'rebooting'],
    ['resizing', 'Modifying', 'resizing, Modifying'],
    ['available', 'Maintenance', 'available, Maintenance'],
    ['something new', undefined, 'something new'],
  ])('that is %s (%s) is waited for', async (status, availability, shown) => {
    const refused = await submitting(async () => clusterStatus(status, availability)).refused;
    expect(refused).toMatchObject({ returning: true, message: expect.stringContaining(`is ${shown}: wait for it`) });
  });

  test('a workgroup that is modified is waited for', async () => {
    const workgroup = { ...target, kind: 'serverless' } as const;
    const { refused } = submitting(async () => workgroupStatus('MODIFYING'), 'ValidationException', workgroup);
    expect(await refused).toMatchObject({
      returning: true,
      message: expect.stringContaining('the workgroup millrace-dev is MODIFYING'),
    });
  });

  test.each([
    ['hardware-failure', 'Failed'],
    ['incompatible-network', 'Unavailable'],
    ['storage-full', 'Available'],
    ['deleting', 'Unavailable'],
    ['available', 'Failed'],
  ])('that is %s (%s) is not asleep: a person has to repair it', async (status, availability) => {
    const refused = await submitting(async () => clusterStatus(status, availability)).refused;
    expect(refused).not.toBeInstanceOf(WarehouseAsleepError);
    expect((refused as Error).message).toMatch(/^the cluster millrace-dev is .*: look at it in the Redshift console/);
  });

  test.each(['available', 'available, prep-for-resize', 'available, resize-cleanup'])(
    'a refusal by a warehouse that is %s stays what it is',
    async (status) => {
      const refused = await submitting(async () => clusterStatus(status, 'Available')).refused;
      expect(refused).toMatchObject({ name: 'ValidationException', message: words });
    },
  );

  test('that came back between the refusal and the question is asked once more', async () => {
    const { warehouse, calls } = adapter([error('ValidationException', words), { Id: 'i' }]);
    expect(await warehouse.submit(select)).toEqual({ id: 'i' });
    expect(calls).toHaveLength(2);
  });

  test('without permission to ask for the status, the error stays the same', async () => {
    const refused = await submitting(() => Promise.reject(error('AccessDenied'))).refused;
    expect(refused).toMatchObject({ name: 'ValidationException', message: words });
  });

  test.each(['AccessDeniedException', 'ExpiredTokenException', 'ThrottlingException'])(
    '%s has nothing to do with its state',
    async (name) => {
      const ask = jest.fn(async () => clusterStatus('paused', undefined));
      expect(await submitting(ask, name).refused).toMatchObject({ name });
      expect(ask).not.toHaveBeenCalled();
    },
  );

  test('is reported with a statement that failed meanwhile, and not asked for about one that did not', async () => {
    const ask = jest.fn(async () => clusterStatus('pausing', 'Unavailable'));
    const { warehouse } = adapter(
      [
        { Id: 'i', Status: 'ABORTED' },
        { Id: 'i', Status: 'FINISHED' },
      ],
      target,
      ask,
    );
    expect(await warehouse.describe('i')).toMatchObject({
      status: 'ABORTED',
      warehouse: { kind: 'paused', status: 'pausing' },
      error: expect.stringContaining('is pausing: resume it with'),
    });
    expect(await warehouse.describe('i')).not.toHaveProperty('warehouse');
    expect(ask).toHaveBeenCalledTimes(1);
  });

  test('ends a statement that is waited for as it ends a call', async () => {
    const answers = [{ Id: 'i' }, { Id: 'i', Status: 'FAILED', Error: 'ERROR: Query canceled' }];
    const { warehouse } = adapter(answers, target, async () => clusterStatus('rebooting', 'Unavailable'));
    await expect(execute(warehouse, 'n', 'select 1', () => 20_000)).rejects.toMatchObject({
      name: 'WarehouseAsleepError',
      returning: true,
    });
  });
});

test('rows come page by page to who wants them so', async () => {
  const page = (value: string, NextToken?: string) => ({
    ColumnMetadata: [{ name: 'A' }],
    Records: [[{ stringValue: value }]],
    NextToken,
  });
  const { warehouse, calls } = adapter([page('x', 't'), page('y')]);
  const pages = [];
  for await (const rows of warehouse.rowPages('i')) {
    pages.push(rows);
    expect(calls).toHaveLength(pages.length);
  }
  expect(pages).toEqual([[{ a: 'x' }], [{ a: 'y' }]]);
});
