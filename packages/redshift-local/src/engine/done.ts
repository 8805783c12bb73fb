import type { Session } from './session';

/**
 * Records which submissions a database has committed. The note is part of the transaction itself. If the process is
 * killed before it reports the end, its next start knows what was committed. A note is deleted after the end was
 * recorded elsewhere.
 */
export class DoneNotes {
  private readonly noted = new Set<string>();
  private readonly forgettable = new Set<string>();

  /**
   * Must be called before the commit. It also deletes old notes that the session's snapshot shows. Returns a function to
   * call if the commit fails.
   */
  note(session: Session, tag: string | undefined): () => void {
    const old = [...this.forgettable].filter((noted) => session.base?.get('done', noted) !== undefined);
    for (const noted of old) {
      session.state.remove('done', noted);
      this.forgettable.delete(noted);
    }
    if (tag !== undefined) {
      session.state.put('done', tag, { tag });
      this.noted.add(tag);
    }
    return () => {
      for (const noted of old) this.forgettable.add(noted);
      if (tag !== undefined) this.noted.delete(tag);
    };
  }

  /** Must be called when the end of the submission, or of its single statements, has been recorded. */
  forget(tag: string): void {
    for (const noted of [...this.noted])
      if (noted === tag || noted.startsWith(`${tag}:`)) {
        this.noted.delete(noted);
        this.forgettable.add(noted);
      }
  }

  /** Takes over the notes of an earlier process. */
  adopt(tags: readonly string[]): void {
    for (const tag of tags) this.noted.add(tag);
  }
}
