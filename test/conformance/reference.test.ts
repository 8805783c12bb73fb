import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPack } from 'redshift-conformance';
import {
  commands,
  constructs,
  isSupportedCommand,
  isSupportedType,
  reference,
  refusalOf,
} from 'redshift-local/reference';
import { referencePath } from '../../cli/commands/conformance';

test('the page is what `npx millrace conformance --reference` writes', () => {
  expect(readFileSync(join(__dirname, '../..', referencePath), 'utf8')).toBe(reference(readPack()));
});

test('commands are told apart by what the front end says to them', () => {
  expect(['MERGE', 'ALTER TABLE', 'SELECT', 'START TRANSACTION', 'UNLOAD'].filter(isSupportedCommand)).toHaveLength(5);
  expect(['CALL', 'CREATE FUNCTION', 'PREPARE'].filter(isSupportedCommand)).toEqual([]);
  expect(new Set(commands).size).toBe(commands.length);
});

test('types too', () => {
  expect(['integer', 'super', 'timestamp without time zone'].filter(isSupportedType)).toHaveLength(3);
  expect(['geometry', 'nosuchtype'].filter(isSupportedType)).toEqual([]);
});

test('a construct is refused for what it is, not for a mistake of its example', () => {
  const refusals = Object.values(constructs).flatMap((sql) => refusalOf(sql) ?? []);
  expect(refusals.filter((refusal) => !/is not supported by|syntax error/.test(refusal))).toEqual([]);
});
