import { UnreadableError } from './records';

/** `<footer><its length, 4 bytes little endian>PAR1` ends a file (Apache Parquet format, "File format"). */
export const parquetTailBytes = 8;
const magic = 'PAR1';

/** The length of the footer, with the eight bytes after it. @throws UnreadableError for a file that is not Parquet */
export function footerBytes(end: Buffer): number {
  if (end.length < parquetTailBytes || end.subarray(-4).toString('latin1') !== magic)
    throw new UnreadableError('not a Parquet file: it does not end with PAR1');
  return end.readUInt32LE(end.length - parquetTailBytes) + parquetTailBytes;
}

/** The file's column names in order; of a nested column the outermost name. `footer`: as many bytes as `footerBytes` says, without the tail. */
export function parquetColumns(footer: Buffer): string[] {
  try {
    const reader = new CompactReader(footer);
    const elements = reader.schema();
    const columns: string[] = [];
    let at = 1;
    const skip = (): void => {
      const { children } = elements[at++]!;
      for (let child = 0; child < children; child += 1) skip();
    };
    for (let column = 0; column < elements[0]!.children; column += 1) {
      columns.push(elements[at]!.name);
      skip();
    }
    return columns;
  } catch (cause) {
    throw new UnreadableError('not a Parquet file: its footer cannot be read', { cause });
  }
}

/** The file's number of rows. `footer` as in `parquetColumns`. */
export function parquetRows(footer: Buffer): number {
  try {
    return new CompactReader(footer).rows();
  } catch (cause) {
    throw new UnreadableError('not a Parquet file: its footer cannot be read', { cause });
  }
}

/** The wire types of Thrift's compact protocol ("Thrift compact protocol encoding"). */
const wire = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
};

/** Fields of FileMetaData and SchemaElement in parquet.thrift. */
const [schemaField, rowsField] = [2, 3];
const [nameField, childrenField] = [4, 5];

interface SchemaElement {
  readonly name: string;
  readonly children: number;
}

/** Reads the part of the protocol that the schema and the row count need. */
class CompactReader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  schema(): SchemaElement[] {
    let elements: SchemaElement[] | undefined;
    this.fields(
      (id, type) => {
        if (id !== schemaField || type !== wire.list) return this.skip(type);
        elements = this.list(() => this.element());
      },
      () => elements !== undefined,
    );
    if (!elements || elements.length === 0) throw new Error('no schema');
    return elements;
  }

  rows(): number {
    let rows: number | undefined;
    this.fields(
      (id, type) => {
        if (id === schemaField && type === wire.list) this.list(() => this.element());
        else if (id === rowsField && type === wire.i64) rows = this.zigzag();
        else this.skip(type);
      },
      () => rows !== undefined,
    );
    if (rows === undefined) throw new Error('no number of rows');
    return rows;
  }

  private element(): SchemaElement {
    let name = '';
    let children = 0;
    this.fields((id, type) => {
      if (id === nameField) name = this.binary().toString('utf8');
      else if (id === childrenField) children = this.zigzag();
      else this.skip(type);
    });
    return { name, children };
  }

  private fields(take: (id: number, type: number) => void, done: () => boolean = () => false): void {
    for (let id = 0; !done(); ) {
      const header = this.byte();
      if (header === 0) return;
      id = header >> 4 === 0 ? this.zigzag() : id + (header >> 4);
      take(id, header & 15);
    }
  }

  private list<Item>(take: () => Item): Item[] {
    const header = this.byte();
    const size = header >> 4 === 15 ? this.varint() : header >> 4;
    return Array.from({ length: this.within(size) }, take);
  }

  private skip(type: number): void {
    switch (type) {
      case wire.true:
      case wire.false:
        return;
      case wire.byte:
        this.byte();
        return;
      case wire.i16:
      case wire.i32:
      case wire.i64:
        this.varint();
        return;
      case wire.double:
        this.at += 8;
        return;
      case wire.binary:
        this.binary();
        return;
      case wire.struct:
        this.fields((_, inner) => this.skip(inner));
        return;
      default:
        throw new Error(`type ${type} before the schema`);
    }
  }

  private binary(): Buffer {
    const length = this.within(this.varint());
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  private within(size: number): number {
    if (size > this.bytes.length - this.at) throw new Error('the footer ends too early');
    return size;
  }

  private byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined) throw new Error('the footer ends too early');
    this.at += 1;
    return value;
  }

  private varint(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 64; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new Error('a number is too long');
  }

  private zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
