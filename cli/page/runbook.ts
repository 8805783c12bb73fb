import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Calls, Refusal } from '../../ui/server';

const file = join(__dirname, '../../docs/runbook.md');

/** Answers the page's call for what to do about an alarm. */
export const runbookCalls: Pick<Calls, '/api/runbook'> = {
  async '/api/runbook'({ heading }) {
    const [, ...sections] = `\n${await readFile(file, 'utf8')}`.split('\n## ');
    const found = sections.find((section) => section.startsWith(`${heading}\n`));
    if (found === undefined) throw new Refusal(`the runbook has no section '${heading}'`);
    return { text: found.slice(heading.length).trim() };
  },
};
