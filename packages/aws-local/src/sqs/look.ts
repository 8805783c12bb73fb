import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Entry, Message } from './queue';

/**
 * The messages of a queue as its journal has them, also those that are hidden: nothing is received, so nothing counts as a delivery. For
 * another process than the runtime; a line that is being written is left out.
 * @param dataDir of the runtime
 */
export function messagesOnDisk(dataDir: string, queueName: string): Message[] {
  let text: string;
  try {
    text = readFileSync(path.join(dataDir, 'sqs', `${queueName}.jsonl`), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const messages = new Map<string, Message>();
  for (const line of text.split('\n').slice(0, -1)) {
    const entry = JSON.parse(line) as Entry;
    if ('put' in entry) messages.set(entry.put.id, entry.put);
    else if ('gone' in entry) messages.delete(entry.gone);
    else messages.clear();
  }
  return [...messages.values()];
}
