import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Entry, Message } from './queue';

/**
 * The messages of a queue in its journal, including hidden ones. Reading them does not count as a delivery. It is meant
 * for other processes than the runtime: an incomplete last line is ignored.
 * @param dataDir data folder of the runtime
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
