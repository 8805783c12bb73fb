/** What a statement answers. */
export interface Answer {
  readonly columns?: readonly { readonly name: string; readonly type: number }[];
  /** Values as PostgreSQL spells them. */
  readonly rows?: readonly (readonly (string | null)[])[];
  /** Command tag, as `SELECT 3`. */
  readonly tag: string;
}

/** An error that goes to the client with its SQLSTATE. */
export class SqlError extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
    this.name = 'SqlError';
  }
}

export const notModelled = (what: string) => new SqlError(`${what} is not modelled by the local Materialize`, '0A000');

/** RowDescription, DataRow and CommandComplete of the simple query protocol (PostgreSQL, "Message formats"). */
export function answerMessages({ columns, rows = [], tag }: Answer): Buffer {
  const parts: Buffer[] = [];
  if (columns) {
    const fields = columns.map(({ name, type }) =>
      Buffer.concat([text(name), int32(0), int16(0), int32(type), int16(-1), int32(-1), int16(0)]),
    );
    parts.push(message('T', int16(columns.length), ...fields));
    for (const row of rows) {
      const values = row.map((value) =>
        value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]),
      );
      parts.push(message('D', int16(row.length), ...values));
    }
  }
  parts.push(message('C', text(tag)));
  return Buffer.concat(parts);
}

export function errorMessage({ message: words, code }: SqlError, severity: 'ERROR' | 'FATAL' = 'ERROR'): Buffer {
  const fields = { S: severity, V: severity, C: code, M: words };
  const parts = Object.entries(fields).map(([name, value]) => Buffer.concat([Buffer.from(name), text(value)]));
  return message('E', ...parts, Buffer.from([0]));
}

/** @param status I idle, T in a transaction, E in one that failed */
export const readyMessage = (status: 'I' | 'T' | 'E') => message('Z', Buffer.from(status));

function message(kind: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(kind), int32(body.length + 4), body]);
}

const text = (value: string) => Buffer.from(`${value}\0`);

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}
