import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import { AwsError, NotModelledError } from 'aws-local-kit';

const algorithms: Readonly<Record<string, (body: Buffer) => string>> = {
  crc32: (body) => uint32(zlib.crc32(body)),
  crc32c: (body) => uint32(crc32c(body)),
  crc64nvme: (body) => crc64nvme(body),
  sha1: (body) => createHash('sha1').update(body).digest('base64'),
  sha256: (body) => createHash('sha256').update(body).digest('base64'),
};

const prefix = 'x-amz-checksum-';

/**
 * The checksum headers of an upload, found right.
 * @throws AwsError BadDigest when one is wrong, NotModelledError for an algorithm that is not known
 */
export function verifiedChecksums(headers: Readonly<Record<string, string>>, body: Buffer): Record<string, string> {
  const verified: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(prefix) || name === 'x-amz-checksum-algorithm' || name === 'x-amz-checksum-mode') continue;
    if (name === 'x-amz-checksum-type') {
      if (value !== 'FULL_OBJECT') throw new NotModelledError(`header ${name}: ${value}`);
      continue;
    }
    const algorithm = algorithms[name.slice(prefix.length)];
    if (!algorithm) throw new NotModelledError(`header ${name}`);
    const actual = algorithm(body);
    if (actual !== value) throw new AwsError('BadDigest', `${name} is ${value}, the body's is ${actual}`);
    verified[name] = value;
  }
  const md5 = headers['content-md5'];
  if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64'))
    throw new AwsError('BadDigest', 'the Content-MD5 you specified did not match what we received');
  return verified;
}

function uint32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes.toString('base64');
}

const castagnoli = new Uint32Array(256).map((_, i) => {
  let value = i;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

function crc32c(body: Buffer): number {
  let value = 0xffffffff;
  for (const byte of body) value = (value >>> 8) ^ castagnoli[(value ^ byte) & 0xff]!;
  return ~value;
}

/** The reflected polynomial 0x9a6c9329ac4bc9b5 in two halves, since 64 bits do not fit a number. */
const nvmeHigh = new Uint32Array(256);
const nvmeLow = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let high = 0;
  let low = i;
  for (let bit = 0; bit < 8; bit++) {
    const carry = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (carry) {
      high ^= 0x9a6c9329;
      low ^= 0xac4bc9b5;
    }
  }
  nvmeHigh[i] = high;
  nvmeLow[i] = low;
}

function crc64nvme(body: Buffer): string {
  let high = 0xffffffff;
  let low = 0xffffffff;
  for (const byte of body) {
    const index = (low ^ byte) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ nvmeLow[index]!;
    high = (high >>> 8) ^ nvmeHigh[index]!;
  }
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(~high >>> 0, 0);
  bytes.writeUInt32BE(~low >>> 0, 4);
  return bytes.toString('base64');
}
