import { createHash } from 'node:crypto';

/** A file of the dbt project. */
export interface GeneratedFile {
  /** Path below the project's folder. */
  readonly path: string;
  /** With its header. */
  readonly content: string;
}

const mark = 'Written by `millrace dbt init`. Millrace leaves this file alone once it is edited.';
const headerPattern = /^(?:\{# |# )Written by `millrace dbt init`\.[^\n]*? sha256:([0-9a-f]{16})(?: #\})?\n/;

/** Adds the header with the hash of the content. Files of SQL get a comment of Jinja, which does not reach the warehouse. */
export function generatedFile(path: string, content: string): GeneratedFile {
  const text = `${mark} sha256:${hashOf(content)}`;
  return { path, content: `${path.endsWith('.sql') ? `{# ${text} #}` : `# ${text}`}\n${content}` };
}

/** The hash in the header of a file, and whether its content still has it. Undefined for a file without a header. */
export function readHeader(file: string): { readonly hash: string; readonly edited: boolean } | undefined {
  // git may write a file with the line ends of Windows.
  const text = file.replaceAll('\r\n', '\n');
  const match = headerPattern.exec(text);
  if (!match) return undefined;
  const hash = match[1]!;
  return { hash, edited: hashOf(text.slice(match[0].length)) !== hash };
}

const hashOf = (content: string) => createHash('sha256').update(content).digest('hex').slice(0, 16);
