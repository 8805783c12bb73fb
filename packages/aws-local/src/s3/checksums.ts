import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import { AwsError, NotModelledError } from 'aws-local-kit';

/** A checksum that is computed piece by piece. */
export interface Checksum {
  update(bytes: Buffer): void;
  /** The checksum in base64, as S3 writes it. */
  digest(): string;
}

const algorithms: Readonly<Record<string, () => Checksum>> = {
  crc32: () => {
    let value = 0;
    return {
      update: (bytes) => {
        value = zlib.crc32(bytes, value);
      },
      digest: () => uint32(value),
    };
  },
  crc32c: () => {
    let value = 0xffffffff;
    return {
      update: (bytes) => {
        for (const byte of bytes) value = (value >>> 8) ^ castagnoli[(value ^ byte) & 0xff]!;
      },
      digest: () => uint32(~value),
    };
  },
  crc64nvme,
  sha1: () => hashing('sha1'),
  sha256: () => hashing('sha256'),
};

/** Algorithms by their names in S3's API. The CRC of a whole object can be computed from its parts; a hash cannot. */
export const checksumTypes: Readonly<Record<string, readonly ChecksumType[]>> = {
  CRC32: ['COMPOSITE', 'FULL_OBJECT'],
  CRC32C: ['COMPOSITE', 'FULL_OBJECT'],
  CRC64NVME: ['FULL_OBJECT'],
  SHA1: ['COMPOSITE'],
  SHA256: ['COMPOSITE'],
};
/** COMPOSITE is the checksum of the parts' checksums. FULL_OBJECT is the checksum of the object's bytes. */
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT';

const prefix = 'x-amz-checksum-';
/** Headers that start with the prefix but are not checksums. */
const about = ['x-amz-checksum-algorithm', 'x-amz-checksum-mode', 'x-amz-checksum-type'];

/** @param algorithm name as in a header or in S3's API: `crc32`, `CRC32` */
export function checksum(algorithm: string): Checksum {
  const start = algorithms[algorithm.toLowerCase()];
  if (!start) throw new NotModelledError(`checksum algorithm ${algorithm} of S3`);
  return start();
}

export const checksumHeader = (algorithm: string) => `${prefix}${algorithm.toLowerCase()}`;

/** Checksums in a request's headers, not verified. */
export function checksumsOf(headers: Readonly<Record<string, string>>): [header: string, value: string][] {
  return Object.entries(headers).filter(([name]) => name.startsWith(prefix) && !about.includes(name));
}

/**
 * Verifies the checksum headers of an upload and returns them.
 * @throws AwsError BadDigest for a wrong checksum; NotModelledError for an unknown algorithm
 */
export function verifiedChecksums(headers: Readonly<Record<string, string>>, body: Buffer): Record<string, string> {
  const type = headers['x-amz-checksum-type'];
  if (type !== undefined && type !== 'FULL_OBJECT') throw new NotModelledError(`header x-amz-checksum-type: ${type}`);
  const verified: Record<string, string> = {};
  for (const [name, value] of checksumsOf(headers)) {
    const computed = checksum(name.slice(prefix.length));
    computed.update(body);
    const actual = computed.digest();
    if (actual !== value) throw new AwsError('BadDigest', `${name} is ${value}, the body's is ${actual}`);
    verified[name] = value;
  }
  const md5 = headers['content-md5'];
  if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64'))
    throw new AwsError('BadDigest', 'the Content-MD5 you specified did not match what we received');
  return verified;
}

function hashing(algorithm: string): Checksum {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('base64') };
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

/** Table for the reflected polynomial 0x9a6c9329ac4bc9b5, in two halves: a number cannot hold 64 bits. */
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

function crc64nvme(): Checksum {
  let high = 0xffffffff;
  let low = 0xffffffff;
  return {
    update(bytes) {
      for (const byte of bytes) {
        const index = (low ^ byte) & 0xff;
        low = ((low >>> 8) | (high << 24)) ^ nvmeLow[index]!;
        high = (high >>> 8) ^ nvmeHigh[index]!;
      }
    },
    digest() {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32BE(~high >>> 0, 0);
      bytes.writeUInt32BE(~low >>> 0, 4);
      return bytes.toString('base64');
    },
  };
}
