import type { Field } from './field';
import { eventTimeScore, idScore, wordsOf } from './hints';

/** A set of fields that no two different records share. */
export interface IdentityCandidate {
  readonly fields: readonly Field[];
  /** Records that were compared. */
  readonly rows: number;
  /** Records that are exact copies of an earlier one. */
  readonly copies: number;
  /** What speaks for the set, in words. */
  readonly evidence: string;
}

/** Sets are looked for in so many records, and then confirmed in all others. */
const sampleRows = 10_000;
/** Most fields whose values are compared. */
const mostFields = 128;
const mostSets = 5;
/** Most records of which each set keeps the values. */
const mostKept = 4_000_000;

/** Looks for sets of up to three fields that make a record unique. */
export class IdentitySearch {
  private readonly columns: { readonly field: Field; readonly low: Uint32Array; readonly high: Uint32Array }[] = [];
  private readonly known = new Set<Field>();
  private readonly rows: { readonly line: number; readonly hash: number }[] = [];
  private sets: UniqueSet[] | undefined;

  /** @param wanted paths or columns of the set to judge, instead of looking for some */
  constructor(private readonly wanted?: readonly string[]) {}

  /** True if the hash of a whole record is still needed. */
  get isOpen(): boolean {
    return this.sets === undefined || this.wanted !== undefined || this.sets.some((set) => set.isUnique);
  }

  /** True if the field's hashes are needed for the next record. */
  isHashed = (field: Field): boolean =>
    this.sets === undefined ? this.known.size < mostFields || this.known.has(field) : this.known.has(field);

  /** Takes a record whose fields have been observed. */
  add(fields: readonly Field[], count: number, row: number, line: number, hash: number): void {
    if (this.sets !== undefined) {
      for (const set of this.sets) if (set.isUnique || this.wanted !== undefined) set.add(row, line, hash);
      return;
    }
    const index = this.rows.length;
    this.rows.push({ line, hash });
    for (let i = 0; i < count; i += 1) {
      const field = fields[i]!;
      if (field.row !== row) continue;
      if (!this.known.has(field)) {
        // A field that the first record lacks is no part of an identity.
        if (this.wanted === undefined && (this.known.size >= mostFields || index > 0)) continue;
        if (this.wanted !== undefined && !isNamed(field, this.wanted)) continue;
        this.known.add(field);
        this.columns.push({ field, low: new Uint32Array(sampleRows), high: new Uint32Array(sampleRows) });
      }
    }
    for (const { field, low, high } of this.columns) {
      const isPresent = field.row === row;
      low[index] = isPresent ? field.low : 0;
      high[index] = isPresent ? field.high : 0;
    }
    if (this.rows.length === sampleRows) this.choose();
  }

  /** The sets, best first. */
  found(): IdentityCandidate[] {
    if (this.sets === undefined) this.choose();
    return this.sets!.filter((set) => set.isUnique && set.rows > 1)
      .sort((one, other) => other.score - one.score)
      .map((set) => ({ fields: set.fields, rows: set.rows, copies: set.copies, evidence: evidenceOf(set) }));
  }

  /** The records that share the values of a wanted set without being copies. */
  clashes(): { readonly count: number; readonly lines: readonly [number, number] } | undefined {
    if (this.sets === undefined) this.choose();
    const [set] = this.sets!;
    return set?.clash && { count: set.clashes, lines: set.clash };
  }

  private choose(): void {
    const usable = this.columns.filter(({ field }) => isUsable(field, this.rows.length));
    const unique: (typeof usable)[] = [];
    const isNew = (set: typeof usable) => !unique.some((found) => found.every((part) => set.includes(part)));
    const test = (set: typeof usable) => {
      if (isNew(set) && this.isUnique(set)) unique.push(set);
    };
    if (this.wanted !== undefined) unique.push(...(this.columns.length > 0 ? [this.columns] : []));
    else {
      const ranked = usable
        .map((part) => ({ part, distinct: new Set(part.low.subarray(0, this.rows.length)).size }))
        .filter(({ distinct }) => distinct > 1)
        .sort((one, other) => other.distinct - one.distinct)
        .map(({ part }) => part);
      for (const part of ranked) test([part]);
      const [pairs, triples] = [ranked.slice(0, 24), ranked.slice(0, 10)];
      if (unique.length < mostSets)
        for (const [i, one] of pairs.entries()) for (const other of pairs.slice(0, i)) test([other, one]);
      if (unique.length === 0)
        for (const [i, one] of triples.entries())
          for (const [j, other] of triples.slice(0, i).entries())
            for (const third of triples.slice(0, j)) test([third, other, one]);
    }
    const sets = unique
      .map((parts) => parts.map(({ field }) => field))
      .sort((one, other) => scoreOf(other) - scoreOf(one))
      .slice(0, mostSets)
      .map((fields) => new UniqueSet(fields));
    for (const [index, { line, hash }] of this.rows.entries())
      for (const set of sets) this.replay(set, index, line, hash);
    this.sets = sets;
    this.known.clear();
    for (const { fields } of sets) for (const field of fields) this.known.add(field);
    this.columns.length = 0;
    this.rows.length = 0;
  }

  /** Hands a record of the sample to a set. */
  private replay(set: UniqueSet, index: number, line: number, hash: number): void {
    let [low, high] = [0, 0];
    for (const field of set.fields) {
      const column = this.columns.find((candidate) => candidate.field === field)!;
      const [ofLow, ofHigh] = [column.low[index]!, column.high[index]!];
      if (ofLow === 0 && ofHigh === 0) {
        set.missing += 1;
        return;
      }
      low = mixed(low, ofLow);
      high = mixed(high, ofHigh);
    }
    set.addHashes(low, high, line, hash);
  }

  private isUnique(set: readonly { readonly low: Uint32Array; readonly high: Uint32Array }[]): boolean {
    const seen = new Map<number, number>();
    for (const [index, { hash }] of this.rows.entries()) {
      let key = 0;
      let more = 0;
      for (const { low, high } of set) {
        key = mixed(key, low[index]!);
        more = mixed(more, high[index]!);
      }
      const joined = key * 2_097_152 + (more >>> 11);
      const before = seen.get(joined);
      if (before !== undefined && before !== hash) return false;
      seen.set(joined, hash);
    }
    return true;
  }
}

const mixed = (hash: number, value: number) => {
  const turned = Math.imul(hash ^ value, 0x85ebca6b);
  return (turned ^ (turned >>> 13)) >>> 0;
};

/** True if one of the names is the field's: its path, or the name of its column. */
function isNamed(field: Field, names: readonly string[]): boolean {
  const column = field.path.flatMap(wordsOf).join('_');
  return [pathText(field), column, `${column}_value`].some((name) => names.includes(name));
}

export const pathText = (field: Field): string => field.path.join('.');

/** True for a field that each record has, of one kind, that can be part of an identity. */
const isUsable = (field: Field, rows: number): boolean =>
  field.present >= rows &&
  field.kinds.length === 1 &&
  !['object', 'array'].includes(field.kinds[0]!) &&
  field.numbers.exponents === 0 &&
  field.texts.longest <= 1024;

function scoreOf(fields: readonly Field[]): number {
  const of = (field: Field) => {
    const isTime = field.texts.are('zoned time') || field.texts.are('local time');
    const isDecimal = field.numbers.fraction > 0;
    const isLong = field.texts.longest > 128;
    const uuid = field.texts.are('uuid') ? 2 : 0;
    const time = isTime && fields.length > 1 ? eventTimeScore(field.name) / 2 : 0;
    return idScore(field.name) + uuid + time - (isTime ? 1 : 0) - (isDecimal ? 2 : 0) - (isLong ? 3 : 0);
  };
  const mean = fields.reduce((sum, field) => sum + of(field), 0) / fields.length;
  return mean - (fields.length - 1) * 1.5 - (fields[0]!.depth - 1) * 0.2;
}

/** Checks one set over all records, in an open table of hashes. */
class UniqueSet {
  rows = 0;
  copies = 0;
  clashes = 0;
  /** Records without a value of the set. They become rejects. */
  missing = 0;
  /** Lines of the first two records that share their values. */
  clash: readonly [number, number] | undefined;
  readonly score: number;
  private table = new Uint32Array(4 * 16_384);

  constructor(readonly fields: readonly Field[]) {
    this.score = scoreOf(fields);
  }

  get isUnique(): boolean {
    return this.clashes === 0 && this.missing === 0;
  }

  add(row: number, line: number, hash: number): void {
    let [low, high] = [0, 0];
    for (const field of this.fields) {
      if (field.row !== row) {
        this.missing += 1;
        return;
      }
      low = mixed(low, field.low);
      high = mixed(high, field.high);
    }
    this.addHashes(low, high, line, hash);
  }

  addHashes(low: number, high: number, line: number, hash: number): void {
    if (this.rows >= mostKept) return;
    if (this.rows * 8 > this.table.length) this.grow();
    this.rows += 1;
    const at = this.slot(low, high | 1);
    const { table } = this;
    if (table[at + 1] === 0) {
      table[at] = low;
      table[at + 1] = high | 1;
      table[at + 2] = hash;
      table[at + 3] = line;
    } else if (table[at + 2] === hash) this.copies += 1;
    else {
      this.clashes += 1;
      this.clash ??= [table[at + 3]!, line];
    }
  }

  private slot(low: number, high: number): number {
    const mask = this.table.length / 4 - 1;
    let index = low & mask;
    const marked = high >>> 0;
    for (;;) {
      const at = index * 4;
      if (this.table[at + 1] === 0 || (this.table[at] === low && this.table[at + 1] === marked)) return at;
      index = (index + 1) & mask;
    }
  }

  private grow(): void {
    const old = this.table;
    this.table = new Uint32Array(old.length * 4);
    for (let at = 0; at < old.length; at += 4) if (old[at + 1] !== 0) this.move(old, at);
  }

  private move(from: Uint32Array, at: number): void {
    const to = this.slot(from[at]!, from[at + 1]!);
    for (let part = 0; part < 4; part += 1) this.table[to + part] = from[at + part]!;
  }
}

function evidenceOf({ fields, rows, copies }: UniqueSet): string {
  const reasons = [`unique in ${rows} records`];
  if (copies > 0) reasons.push(`${copies} of them exact copies`);
  const [field] = fields;
  if (fields.length === 1 && field!.texts.are('uuid')) reasons.push('UUIDs');
  if (fields.length === 1 && idScore(field!.name) >= 3) reasons.push('named as an id');
  if (rows < 100) reasons.push('few records, so weak evidence');
  return reasons.join(', ');
}
