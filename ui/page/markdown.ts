/** A piece of a line. */
export interface Span {
  readonly kind: 'text' | 'code' | 'strong' | 'emphasis';
  readonly text: string;
}

export type Block =
  | { readonly kind: 'paragraph'; readonly spans: readonly Span[] }
  | { readonly kind: 'list'; readonly items: readonly (readonly Span[])[] };

/** Reads the Markdown that the runbook uses: paragraphs and lists, with code, emphasis and links. A link keeps its text. */
export function blocksOf(markdown: string): Block[] {
  return markdown.split(/\n{2,}/).map((block) => {
    if (!block.startsWith('- ')) return { kind: 'paragraph', spans: spansOf(block) };
    return { kind: 'list', items: block.split(/\n(?=- )/).map((item) => spansOf(item.slice(2))) };
  });
}

const marks = /(`[^`]+`|\*\*[^*]+\*\*|(?<!\w)_[^_]+_(?!\w)|\[[^\]]+\]\([^)]+\))/;

function spansOf(text: string): Span[] {
  const parts = text.replaceAll(/\n\s*/g, ' ').split(marks);
  return parts.filter((part) => part !== '').map((part) => spanOf(part));
}

function spanOf(part: string): Span {
  if (!marks.test(part)) return { kind: 'text', text: part };
  if (part.startsWith('`')) return { kind: 'code', text: part.slice(1, -1) };
  if (part.startsWith('**')) return { kind: 'strong', text: part.slice(2, -2) };
  if (part.startsWith('_')) return { kind: 'emphasis', text: part.slice(1, -1) };
  return { kind: 'text', text: part.slice(1, part.indexOf(']')) };
}
