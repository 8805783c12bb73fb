/** Bytes as base64: one text, or a list of texts where one would be longer than a varchar of 65,535 bytes. */
export type Base64 = string | readonly string[];

/** Bytes of one text: 65,532 characters of base64, and a multiple of 3, so that only the last text has padding. */
const textBytes = 49_149;

/** The merge decodes what this writes: see sql/merge/parsing.ts. */
export function base64Of(bytes: Buffer): Base64 {
  if (bytes.length <= textBytes) return bytes.toString('base64');
  return Array.from({ length: Math.ceil(bytes.length / textBytes) }, (_, index) =>
    bytes.subarray(index * textBytes, (index + 1) * textBytes).toString('base64'),
  );
}
