/** XML of the AWS protocols rest-xml and query: elements and text, and no attribute but a namespace. */

export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | { readonly [name: string]: XmlValue };

/** Writes a document. A list repeats its element; undefined members are left out. */
export function xmlDocument(root: string, value: XmlValue, namespace?: string): string {
  const attribute = namespace ? ` xmlns="${escapeXml(namespace)}"` : '';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${content(value)}</${root}>`;
}

function content(value: XmlValue): string {
  if (typeof value === 'string') return escapeXml(value);
  if (value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  let text = '';
  if (isList(value)) for (const item of value) text += content(item);
  else for (const name of Object.keys(value)) text += element(name, value[name]);
  return text;
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (!isList(value)) return `<${name}>${content(value)}</${name}>`;
  let text = '';
  for (const item of value) text += element(name, item);
  return text;
}

const isList = (value: XmlValue): value is readonly XmlValue[] => Array.isArray(value);

/** Most texts have none of these. This is twice as fast as a replacement that finds nothing. */
const special = /[<>&"'\p{Cc}]/u;
const control = /\p{Cc}/gu;

export function escapeXml(text: string): string {
  if (!special.test(text)) return text;
  // Every ETag of a listing has quotation marks. One replacement by a function takes longer than all of these.
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
    .replace(control, (c) => `&#x${c.charCodeAt(0).toString(16)};`);
}

/** An element of a parsed document: its text, and its child elements in order. */
export interface XmlElement {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

/**
 * Parses a request body: elements, text and character references. Comments, CDATA and doctypes do not occur in AWS
 * requests and are refused.
 */
export function parseXml(source: string): XmlElement {
  const tokens = /<\?[^>]*\?>|<(\/?)([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)/gy;
  const root = { name: '', text: '', children: [] as XmlElement[] };
  const stack = [root];
  let end = 0;
  for (let token = tokens.exec(source); token; token = tokens.exec(source)) {
    end = tokens.lastIndex;
    const [, closing, name, , selfClosing, text] = token;
    const top = stack.at(-1)!;
    if (text !== undefined) top.text += unescapeXml(text);
    else if (name === undefined) continue;
    else if (closing) {
      if (stack.length === 1 || top.name !== name) throw new Error(`unexpected </${name}>`);
      stack.pop();
    } else {
      const child = { name, text: '', children: [] as XmlElement[] };
      top.children.push(child);
      if (!selfClosing) stack.push(child);
    }
  }
  if (end !== source.length) throw new Error(`malformed XML at character ${end}`);
  const only = root.children[0];
  if (stack.length !== 1 || !only || root.children.length !== 1)
    throw new Error('malformed XML: not one closed element');
  return only;
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal) return String.fromCodePoint(Number(decimal));
    return named[name as string] ?? whole;
  });
}
