import { throttled } from '../../src/data-api/throttle';
import { stoppedClock } from '../support/fakes';
import { caller } from '../support/warehouse';

test("a second's worth at once, then the documented rate, each operation for itself", () => {
  const clock = stoppedClock();
  const { ExecuteStatement, ListStatements } = throttled(
    { ExecuteStatement: () => 'done', ListStatements: () => 'done' },
    clock,
  );
  const passed = (call: typeof ExecuteStatement) => {
    for (let count = 0; ; count++) {
      try {
        call!({}, caller);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ThrottlingException', statusCode: 400, message: 'Rate exceeded' });
        return count;
      }
    }
  };
  expect([passed(ExecuteStatement), passed(ListStatements)]).toEqual([30, 3]);
  clock.advanceTo(clock.now() + 500);
  expect([passed(ExecuteStatement), passed(ListStatements)]).toEqual([15, 1]);
  clock.advanceTo(clock.now() + 3_600_000);
  expect([passed(ExecuteStatement), passed(ListStatements)]).toEqual([30, 3]);
});
