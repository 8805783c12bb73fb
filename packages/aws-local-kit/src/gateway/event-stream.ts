import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';

/** A response that is a stream of events. An operation of a JSON service returns it in place of its output. */
export class EventStream {
  /**
   * @param events name and JSON content of each event. The stream closes when the iteration ends; the iteration ends
   * when the caller disconnects.
   */
  constructor(private readonly events: AsyncIterable<{ readonly type: string; readonly content: object }>) {}

  get body(): Readable {
    return Readable.from(frames(this.events), { objectMode: false });
  }
}

export const eventStreamType = 'application/vnd.amazon.eventstream';

async function* frames(
  events: AsyncIterable<{ readonly type: string; readonly content: object }>,
): AsyncGenerator<Buffer> {
  // The protocols json-1.0 and json-1.1 send the output's other members first.
  yield frame('initial-response', {});
  for await (const { type, content } of events) yield frame(type, content);
}

/**
 * Encodes one message: total length, length of the headers, CRC of both, headers, payload, CRC of all (Smithy, "Amazon
 * Event Stream").
 */
function frame(type: string, content: object): Buffer {
  const headers = Buffer.concat([
    header(':message-type', 'event'),
    header(':event-type', type),
    header(':content-type', 'application/json'),
  ]);
  const payload = Buffer.from(JSON.stringify(content));
  const prelude = Buffer.alloc(8);
  prelude.writeUInt32BE(prelude.length + 4 + headers.length + payload.length + 4, 0);
  prelude.writeUInt32BE(headers.length, 4);
  const message = Buffer.concat([prelude, checksum(prelude), headers, payload]);
  return Buffer.concat([message, checksum(message)]);
}

/** Encodes a header of type 7, a string. */
function header(name: string, value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(value));
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([7]), length, Buffer.from(value)]);
}

function checksum(bytes: Buffer): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum;
}
