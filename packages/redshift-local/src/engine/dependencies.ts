/** What a statement does with a table. `read-write` reads rows before it changes them, as UPDATE and DELETE do. */
export type Use = 'read' | 'write' | 'read-write';

interface Node {
  readonly id: number;
  readonly reads: Set<string>;
  readonly writes: Set<string>;
  /** Number of commits that its snapshot contains. */
  snapshot: number;
  /** Its own number among the commits. */
  committed?: number;
}

/**
 * Which transactions of a database with SERIALIZABLE isolation must come before which, by the tables that they read and
 * wrote. A transaction that reads a table comes before every transaction whose change of the table it does not see. A
 * circle means that no serial order gives the same result.
 */
export class Dependencies {
  private readonly nodes = new Map<number, Node>();

  begin(id: number, snapshot: number): void {
    this.nodes.set(id, { id, reads: new Set(), writes: new Set(), snapshot });
  }

  /** Records a use of a table. Returns the transactions of a circle that it closes, from this transaction on. */
  use(id: number, table: string, use: Use): readonly number[] | undefined {
    const node = this.nodes.get(id);
    if (!node) return undefined;
    if (use !== 'write') node.reads.add(table);
    if (use !== 'read') node.writes.add(table);
    return this.circle(node);
  }

  /** @param number of commits so far, of which a transaction that wrote is the last. The first call counts. */
  commit(id: number, number: number): void {
    const node = this.nodes.get(id);
    if (!node) return;
    node.committed ??= number;
    this.forget();
  }

  rollback(id: number): void {
    this.nodes.delete(id);
    this.forget();
  }

  private circle(start: Node): readonly number[] | undefined {
    const seen = new Set<Node>();
    const walk = (node: Node, path: readonly number[]): readonly number[] | undefined => {
      for (const other of this.nodes.values()) {
        if (other === node || !precedes(node, other)) continue;
        if (other === start) return path;
        if (seen.has(other)) continue;
        seen.add(other);
        const found = walk(other, [...path, other.id]);
        if (found) return found;
      }
      return undefined;
    };
    return walk(start, [start.id]);
  }

  /** Forgets committed transactions that can be part of no further circle. */
  private forget(): void {
    const kept = new Set([...this.nodes.values()].filter(({ committed }) => committed === undefined));
    for (let size = -1; size !== kept.size; ) {
      size = kept.size;
      const oldest = Math.min(...[...kept].map(({ snapshot }) => snapshot));
      for (const node of this.nodes.values()) if (node.committed! > oldest) kept.add(node);
    }
    for (const node of [...this.nodes.values()]) if (!kept.has(node)) this.nodes.delete(node.id);
  }
}

/** True if the first transaction must come before the other. */
function precedes(first: Node, other: Node): boolean {
  const shares = (one: Set<string>, two: Set<string>) => [...one].some((table) => two.has(table));
  const sees = (reader: Node, writer: Node) => writer.committed !== undefined && writer.committed <= reader.snapshot;
  if (shares(first.reads, other.writes) && !sees(first, other)) return true;
  if (shares(first.writes, other.reads) && sees(other, first)) return true;
  return (
    shares(first.writes, other.writes) &&
    first.committed !== undefined &&
    (other.committed === undefined || first.committed < other.committed)
  );
}
