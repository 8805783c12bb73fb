import type { Session } from './session';

/**
 * Which submissions a database has committed: noted in the transaction itself, so that a process that is killed before it could tell
 * anybody knows at its next start what it had done. Notes go once the end was written down elsewhere.
 */
export class DoneNotes {
  private readonly noted = new Set<string>();
  private readonly forgettable = new Set<string>();

  /** To be called before the commit. */
  note(session: Session, tag: string | undefined): void {
    for (const old of this.forgettable) session.state.remove('done', old);
    this.forgettable.clear();
    if (tag === undefined) return;
    session.state.put('done', tag, { tag });
    this.noted.add(tag);
  }

  /** The end of the submission, or of its statements one by one, has been written down. */
  forget(tag: string): void {
    for (const noted of [...this.noted])
      if (noted === tag || noted.startsWith(`${tag}:`)) {
        this.noted.delete(noted);
        this.forgettable.add(noted);
      }
  }

  /** Notes of an earlier process. */
  adopt(tags: readonly string[]): void {
    for (const tag of tags) this.noted.add(tag);
  }
}
