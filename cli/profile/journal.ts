import type { Field } from './field';

/** The values of one record, in their order. They count only if the whole record is sound. */
export class Journal {
  length = 0;
  readonly fields: Field[] = [];
  codes = new Uint8Array(256);
  starts = new Int32Array(256);
  ends = new Int32Array(256);

  add(field: Field, code: number, start: number, end: number): void {
    const index = this.length;
    if (index === this.codes.length) this.grow();
    this.fields[index] = field;
    this.codes[index] = code;
    this.starts[index] = start;
    this.ends[index] = end;
    this.length = index + 1;
  }

  clear(): void {
    this.length = 0;
  }

  /** Hands the values to their fields. */
  apply(bytes: Uint8Array, row: number, line: number, isHashed: (field: Field) => boolean): void {
    const { fields, codes, starts, ends } = this;
    for (let index = 0; index < this.length; index += 1) {
      const field = fields[index]!;
      field.observe(codes[index]!, bytes, starts[index]!, ends[index]!, row, line, isHashed(field));
    }
  }

  private grow(): void {
    const wider = <A extends Uint8Array | Int32Array>(from: A, to: A): A => {
      to.set(from);
      return to;
    };
    const length = this.codes.length * 2;
    this.codes = wider(this.codes, new Uint8Array(length));
    this.starts = wider(this.starts, new Int32Array(length));
    this.ends = wider(this.ends, new Int32Array(length));
  }
}
