/** Bytes as base64: one text, or a list of texts if one would be longer than a varchar of 65,535 bytes. */
export type Base64 = string | readonly string[];

/** Bytes per text, which give 65,532 characters of base64. As a multiple of 3 it leaves padding to the last text. */
const textBytes = 49_149;

/** Encodes bytes. The merge decodes them: see sql/merge/parsing.ts. */
export function base64Of(bytes: Buffer): Base64 {
  if (bytes.length <= textBytes) return bytes.toString('base64');
  return Array.from({ length: Math.ceil(bytes.length / textBytes) }, (_, index) =>
    bytes.subarray(index * textBytes, (index + 1) * textBytes).toString('base64'),
  );
}
