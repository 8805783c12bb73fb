const WIDTH = 110;

/** Wraps words into lines of a readable length. */
export function wrapped(text: string, indent: string, hanging = indent): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    const used = line.trim() === '' ? line + word : `${line} ${word}`;
    if (used.length > WIDTH && line.trim() !== '') {
      lines.push(line);
      line = hanging + word;
    } else line = used;
  }
  return [...lines, line];
}
