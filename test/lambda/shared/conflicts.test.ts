import { execute, isConflict, isPassing, pauseAfter, StatementError } from '../../../lambda/shared/warehouse';
import { FakeWarehouse } from '../fakes';

const remaining = () => 60_000;
const violation =
  'ERROR: 1023 DETAIL: Serializable isolation violation on table - 100167, transactions forming the cycle are: 1, 2 (pid:16606)';

/** A warehouse whose statements end with these errors, one after the other, and then finish. */
function failing(...errors: string[]) {
  const pauses: number[] = [];
  const warehouse = Object.assign(new FakeWarehouse(), {
    pause: async (ms: number) => {
      pauses.push(ms);
    },
  });
  const left = [...errors];
  warehouse.outcome = () => {
    const error = left.shift();
    return error === undefined ? {} : { status: 'FAILED', error };
  };
  return { warehouse, pauses };
}

test.each([
  violation,
  'ERROR: 1018 DETAIL: Relation does not exist',
  'Query #2 failed with ERROR: deadlock detected',
  'ERROR: could not complete because of conflict with concurrent transaction',
])('"%s" is a conflict, and may pass', (error) => {
  expect([isConflict({ error }), isPassing({ error })]).toEqual([true, true]);
});

test.each(['ERROR: relation "s.t" does not exist', 'connection was lost', 'ERROR: 1022 rows'])(
  '"%s" is none',
  (error) => {
    expect(isConflict({ error })).toBe(false);
  },
);

test('a query or a transaction that others stopped is submitted again, after a pause', async () => {
  for (const sql of ['select 1', ['delete from s.t', 'insert into s.t values (1)']]) {
    const { warehouse, pauses } = failing(violation, 'ERROR: deadlock detected');
    expect((await execute(warehouse, 'a-name', sql, remaining)).status).toBe('FINISHED');
    expect(warehouse.statements).toHaveLength(3);
    expect(pauses).toHaveLength(2);
  }
});

test('it fails with the third conflict', async () => {
  const { warehouse } = failing(violation, violation, violation, violation);
  await expect(execute(warehouse, 'a-name', 'select 1', remaining)).rejects.toThrow(StatementError);
  expect(warehouse.statements).toHaveLength(3);
});

test('a lost connection is not repeated here: the transaction may have taken effect', async () => {
  const { warehouse } = failing('connection to the cluster was lost');
  await expect(execute(warehouse, 'a-name', 'delete from s.t', remaining)).rejects.toThrow(/lost/);
  expect(warehouse.statements).toHaveLength(1);
});

test('pauses double, and differ between functions', async () => {
  const paused: number[] = [];
  const pause = async (ms: number) => {
    paused.push(ms);
  };
  for (const failures of [1, 2, 3]) for (const random of [0, 1]) await pauseAfter({ pause }, failures, () => random);
  expect(paused).toEqual([250, 500, 500, 1000, 1000, 2000]);
});
