import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { openState } from '../../src/cloudformation';
import { newStack, type StoredResource, type StoredStack } from '../../src/cloudformation/state';
import { changesBetween, copyOf, withChange } from '../../src/cloudformation/state-changes';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-state-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = () => join(folder, 'state.json');
const reopened = () => JSON.parse(JSON.stringify(openState(folder).stacks));
const resource = (ref: string): StoredResource => ({
  type: 'AWS::Test::Thing',
  ref,
  attributes: { Arn: `arn:${ref}` },
  properties: { url: `http://127.0.0.1:1234/${ref}` },
  deletionPolicy: 'Delete',
  updateReplacePolicy: 'Delete',
  dependsOn: [],
  generation: 0,
});
const inProgress = (): StoredStack => ({
  ...newStack('000000000000', 'eu-west-1', 1),
  operation: { kind: 'create', before: {}, underway: {} },
});

test('a step of a deployment is appended to the file, and read back', () => {
  const state = openState(folder, 'http://127.0.0.1:1234');
  state.stacks['one'] = inProgress();
  state.save();
  const { ino } = statSync(file());
  const before = statSync(file()).size;
  state.stacks['one'].resources['A'] = resource('a');
  state.save();
  expect(statSync(file()).ino).toBe(ino);
  expect(statSync(file()).size - before).toBeLessThan(400);
  expect(readFileSync(file(), 'utf8')).not.toContain('127.0.0.1');
  expect(openState(folder, 'http://127.0.0.1:99').stacks['one']!.resources['A']!.properties).toEqual({
    url: 'http://127.0.0.1:99/a',
  });
});

test('a stack at rest leaves a file of one line', () => {
  const state = openState(folder);
  state.stacks['one'] = inProgress();
  state.save();
  state.stacks['one'].resources['A'] = resource('a');
  state.save();
  Object.assign(state.stacks['one'], { operation: undefined, status: 'CREATE_COMPLETE' });
  state.save();
  expect(readFileSync(file(), 'utf8').trimEnd().split('\n')).toHaveLength(1);
  expect(reopened().one).toMatchObject({ status: 'CREATE_COMPLETE', resources: { A: resource('a') } });
});

test('a line that a kill cut off counts for nothing, and the next save leaves none of it', () => {
  const state = openState(folder);
  state.stacks['one'] = inProgress();
  state.save();
  const whole = reopened();
  appendFileSync(file(), '[[["one","resources","A"],{"type":"AWS::Te');
  const next = openState(folder);
  expect(JSON.parse(JSON.stringify(next.stacks))).toEqual(whole);
  next.stacks['one']!.resources['B'] = resource('b');
  next.save();
  expect(Object.keys(reopened().one.resources)).toEqual(['B']);
});

test('a line in the middle that is not JSON is an error', () => {
  const state = openState(folder);
  state.stacks['one'] = inProgress();
  state.save();
  appendFileSync(file(), 'nonsense\n');
  expect(() => openState(folder)).toThrow(`${file()} is damaged: a line of it is not JSON`);
});

describe('changes', () => {
  const ids = fc.constantFrom('A', 'B', 'C', 'D');
  const records = <T>(of: fc.Arbitrary<T>) =>
    fc
      .uniqueArray(fc.tuple(ids, of), { selector: ([id]) => id })
      .map((members): Record<string, T> => Object.fromEntries(members));
  const resources = records(fc.constantFrom('1', '2').map(resource));
  const stacks = records(
    fc.record({
      status: fc.constantFrom('CREATE_IN_PROGRESS' as const, 'UPDATE_IN_PROGRESS' as const),
      reason: fc.constantFrom('why', undefined),
      resources,
      leftovers: fc.array(fc.constantFrom({ ...resource('1'), logicalId: 'A' }, { ...resource('2'), logicalId: 'B' })),
      operation: fc.option(
        fc.record({ kind: fc.constant('update' as const), before: resources, underway: fc.constant({}) }),
        { nil: undefined },
      ),
    }),
  ).map((made) => made as unknown as Record<string, StoredStack>);
  const text = (value: unknown) => JSON.stringify(value);

  test('make the one state the other, with the members in the same order', () => {
    fc.assert(
      fc.property(stacks, stacks, (before, now) => {
        const changes = JSON.parse(text(changesBetween(copyOf(before), copyOf(now))));
        let found: Readonly<Record<string, StoredStack>> = JSON.parse(text(before));
        for (const change of changes) found = withChange(found, change);
        expect(found).toEqual(JSON.parse(text(now)));
        expect(Object.keys(found)).toEqual(Object.keys(now));
        for (const [name, { resources: made }] of Object.entries(now))
          expect(Object.keys(found[name]!.resources)).toEqual(Object.keys(made));
      }),
    );
  });
});
