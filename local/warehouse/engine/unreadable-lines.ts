import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';

/**
 * The numbers of the lines that are not UTF-8 text, or longer than `maxBytes`: what DuckDB's reader skips, whose own line numbers are off
 * where a file mixes line ends. Undefined for a compression that is not read here.
 */
export async function unreadableLines(
  path: string,
  compression: string,
  maxBytes: number,
): Promise<number[] | undefined> {
  if (compression !== 'none' && compression !== 'gzip') return undefined;
  const file = createReadStream(path);
  const bytes = compression === 'gzip' ? file.pipe(createGunzip()) : file;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const numbers: number[] = [];
  let number = 0;
  const check = (line: Buffer) => {
    number += 1;
    try {
      if (line.length > maxBytes) throw new Error('too long');
      decoder.decode(line);
    } catch {
      numbers.push(number);
    }
  };
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    const all = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let start = 0;
    for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10, start)) {
      check(all.subarray(start, end));
      start = end + 1;
    }
    rest = all.subarray(start);
  }
  if (rest.length > 0) check(rest);
  return numbers;
}
