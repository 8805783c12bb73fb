import type { Engine } from '../engine/engine';
import { Prompt } from '../engine/prompt';
import type { Proof } from './authentication';
import { WireError } from './errors';

/** A user who wants to log in. */
export interface WireLogin {
  /** What the client must prove. Undefined for a user that does not exist. */
  readonly proof: Proof | undefined;
  /** Opens the session of a client that has proven it. @throws WireError */
  open(signal: AbortSignal): Promise<{ readonly prompt: Prompt; readonly superuser: boolean }>;
}

/** Finds the users of databases. */
export interface WireLogins {
  /** @throws WireError if the database cannot be reached at all */
  find(user: string, database: string): Promise<WireLogin>;
  /** Why no statement can run now. @default - they can */
  refusal?(): string | undefined;
}

/** What a user of a database must prove: its password. */
export function proofOf(engine: Engine, user: string): Proof | undefined {
  const entry = engine.user(user);
  return entry && { kind: 'stored', stored: entry.password, scram: entry.scram };
}

/** Opens the session of a user that exists. @throws WireError if it was dropped meanwhile */
export async function openPrompt(engine: Engine, user: string) {
  const entry = engine.user(user);
  if (!entry) throw new WireError('28000', `user "${user}" does not exist`, true);
  return { prompt: await Prompt.open(engine, entry), superuser: entry.superuser };
}

export const unknownDatabase = (database: string) =>
  new WireError('3D000', `database "${database}" does not exist`, true);
