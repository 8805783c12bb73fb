import { createHash, createHmac } from 'node:crypto';
import type { Warehouse } from './warehouse';

/**
 * The two keys of the marks of a pipeline, 64 hexadecimal characters each. A mark says that a subject was forgotten. Only
 * with the keys can a subject's mark be computed: docs/decisions/058-marks-of-the-forgotten.md.
 */
export interface ForgetKeys {
  readonly inner: string;
  readonly outer: string;
}

/** Derives the keys of a pipeline, so that the marks of one say nothing about those of another. */
export function forgetKeys(secret: string, pipeline: string): ForgetKeys {
  if (secret.length < 32) throw new Error('the secret of the marks must have at least 32 characters');
  const derive = (part: string) =>
    createHmac('sha256', secret).update(`millrace/forget/${pipeline}/${part}`).digest('hex');
  return { inner: derive('inner'), outer: derive('outer') };
}

/** The mark of a subject, as the merge computes it: see sql/merge/forgotten.ts. */
export function markOf({ inner, outer }: ForgetKeys, column: string, value: string): string {
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  return digest(outer + digest(`${inner}${column}=${value}`));
}

/** Tells keys apart. */
export const keyId = ({ inner, outer }: ForgetKeys): string =>
  createHash('sha256').update(`${inner} ${outer}`).digest('hex').slice(0, 16);

const parameter = ':forget_inner';

/** True for statements that compare marks. In quotes, as in the registry's record of a statement, the name is a text. */
export const asksForKeys = (statements: readonly string[]) =>
  statements.some((sql) => sql.includes(parameter) && sql.replace(/'(?:[^'\\]|\\.|'')*'/gs, "''").includes(parameter));

/** The parameters of statements that compare marks. */
export const parametersOf = ({ inner, outer }: ForgetKeys) => ({ forget_inner: inner, forget_outer: outer });

/**
 * The warehouse for statements that compare marks: it gives them the keys, as parameters of the Data API. So the keys are
 * neither in a statement's text nor in what Redshift logs.
 * @param keys called once, by the first such statement. It is called again if it fails
 */
export function withForgetKeys<Port extends Pick<Warehouse, 'submit'>>(
  warehouse: Port,
  keys: () => Promise<ForgetKeys>,
): Port {
  let known: Promise<ForgetKeys> | undefined;
  const ask = () => {
    known ??= keys().catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
  const submit: Warehouse['submit'] = async (submission) => {
    if (!asksForKeys(submission.statements)) return warehouse.submit(submission);
    return warehouse.submit({ ...submission, parameters: parametersOf(await ask()) });
  };
  return new Proxy(warehouse, {
    get(port, name) {
      if (name === 'submit') return submit;
      const value: unknown = Reflect.get(port, name);
      return typeof value === 'function' ? value.bind(port) : value;
    },
  });
}
