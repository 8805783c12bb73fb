import { createHash } from 'node:crypto';
import { forgetKeys, keyId, markOf, withForgetKeys } from '../../../lambda/shared/forget-keys';
import type { Submission } from '../../../lambda/shared/warehouse';

const secret = 'a secret of at least 32 characters';
const keys = forgetKeys(secret, 'shop');
const hash = (text: string) => createHash('sha256').update(text).digest('hex');

test('a mark is a keyed digest of a keyed digest, and names nobody', () => {
  expect(markOf(keys, 'who', 'ann')).toBe(hash(keys.outer + hash(`${keys.inner}who=ann`)));
  expect(keys.inner).toMatch(/^[0-9a-f]{64}$/);
  expect(new Set([keys.inner, keys.outer, forgetKeys(secret, 'club').inner]).size).toBe(3);
  expect(markOf(keys, 'who', 'ann')).not.toBe(markOf(forgetKeys(secret, 'club'), 'who', 'ann'));
  expect(keyId(keys)).toMatch(/^[0-9a-f]{16}$/);
  expect(keyId(keys)).not.toBe(keyId(forgetKeys(secret, 'club')));
});

test('keys need a secret', () => {
  expect(() => forgetKeys('', 'shop')).toThrow('the secret of the marks must have at least 32 characters');
});

describe('a warehouse with keys', () => {
  const statement = (sql: string): Submission => ({ name: 's', mode: 'transaction', statements: ['select 1', sql] });
  const asking = statement("update t set a = 1 where sha2(:forget_outer || sha2(:forget_inner || 'x', 256), 256) = m");

  test('gives them to the statements that ask for them, and asks for them once', async () => {
    const seen: Submission[] = [];
    const port = { submit: async (submission: Submission) => ({ id: `${seen.push(submission)}` }) };
    const ask = jest.fn(async () => keys);
    const warehouse = withForgetKeys(port, ask);
    await warehouse.submit(statement('select 2'));
    await warehouse.submit(statement("insert into records select 'it''s \\' :forget_inner'"));
    expect(ask).not.toHaveBeenCalled();
    await Promise.all([warehouse.submit(asking), warehouse.submit(asking)]);
    expect(ask).toHaveBeenCalledTimes(1);
    expect(seen.map(({ parameters }) => parameters)).toEqual([
      undefined,
      undefined,
      { forget_inner: keys.inner, forget_outer: keys.outer },
      { forget_inner: keys.inner, forget_outer: keys.outer },
    ]);
  });

  test('submits nothing without them, and asks again', async () => {
    const submit = jest.fn(async (_: Submission) => ({ id: '1' }));
    const answers = [async () => Promise.reject(new Error('denied')), async () => keys];
    const warehouse = withForgetKeys({ submit }, () => answers.shift()!());
    await expect(warehouse.submit(asking)).rejects.toThrow('denied');
    expect(submit).not.toHaveBeenCalled();
    await warehouse.submit(asking);
    expect(submit).toHaveBeenCalledTimes(1);
  });
});
