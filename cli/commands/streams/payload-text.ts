/** How `--decode` reads payloads. */
export type Decoding = 'json' | 'text' | 'bytes';

/** A payload as it is copied: JSON text without line breaks, or bytes. */
export type Copied = string | Uint8Array;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Decoders for `readStream` that keep what the payload says: JSON stays the text that it is, with all digits of its
 * numbers. Both text decoders return JSON text; that of `text` is a JSON string.
 */
export const copyDecoders: Readonly<Record<Decoding, (bytes: Uint8Array) => Copied>> = {
  json(bytes) {
    const text = utf8.decode(bytes);
    JSON.parse(text);
    // JSON has no line breaks within strings, so these are spaces between tokens.
    return text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]/g, ' ') : text;
  },
  text: (bytes) => JSON.stringify(utf8.decode(bytes)),
  bytes: (bytes) => bytes,
};
