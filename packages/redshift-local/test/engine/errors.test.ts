import { errorText, WarehouseError } from '../../src/engine/errors';

const place = { line: 2, column: 3 };

test('a statement that should have been refused is named by its place', () => {
  expect(errorText(new Error('Binder Error: no function matches'), place)).toBe(
    'line 2, column 3: the local warehouse could not run this statement',
  );
  expect(errorText(new Error('Binder Error: no function matches'))).toBe(
    'ERROR: the local warehouse could not run this statement',
  );
});

test('what a row did wrong has no place', () => {
  expect(errorText(new Error('Invalid Input Error: redshift: division by zero'), place)).toBe(
    'ERROR: division by zero',
  );
  expect(errorText(new WarehouseError('user "x" already exists'), place)).toBe('ERROR: user "x" already exists');
});
