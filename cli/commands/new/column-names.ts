import { reservedWords } from 'redshift-local/reserved-words';
import { helperNames, isOwnName } from '../../../lib/rules/columns';
import { wordsOf } from '../../profile';

/** A longer name would be hard to use. Redshift takes 127 bytes, and statements append to it. */
const longest = 60;

/** A name for a column, and why it is not the plain one. */
export interface NamedColumn {
  readonly name: string;
  readonly note?: string;
}

/** Gives names to paths: lower-case snake_case, each once, none that Redshift or Millrace uses. */
export class ColumnNames {
  private readonly taken = new Map<string, readonly string[]>();

  nameOf(path: readonly string[]): NamedColumn {
    const plain = plainName(path);
    const reason = reservedWords.has(plain)
      ? `${plain} is a reserved word of Redshift`
      : isOwnName(plain)
        ? `${plain} is a column of Millrace itself`
        : undefined;
    const wanted = reason === undefined ? plain : `${plain}_value`;
    let name = wanted;
    let other: readonly string[] | undefined;
    for (let copy = 2; this.isTaken(name); copy += 1) {
      other ??= this.taken.get(name);
      name = `${wanted}_${copy}`;
    }
    this.taken.set(name, path);
    if (name !== wanted) return { name, note: `${other ? shown(other) : 'a helper column'} has the name ${wanted}` };
    return { name, ...(reason && { note: reason }) };
  }

  /** A name is taken by another column, by a helper of one, or if one of its own helpers is. */
  private isTaken(name: string): boolean {
    if (this.taken.has(name) || helperNames(name).some((helper) => this.taken.has(helper))) return true;
    return [...this.taken.keys()].some((other) => helperNames(other).includes(name));
  }
}

export const shown = (path: readonly string[]): string => path.join('.');

function plainName(path: readonly string[]): string {
  const words = path.flatMap((name) => {
    const latin = wordsOf(name.normalize('NFKD').replace(/\p{M}/gu, '')).map((word) => word.replace(/[^a-z0-9]/g, ''));
    const found = latin.filter((word) => word !== '');
    return found.length > 0 ? found : ['field'];
  });
  const joined = words.join('_').slice(0, longest).replace(/_+$/, '');
  return /^[a-z_]/.test(joined) ? joined : `n_${joined}`;
}
