export interface LayerNode {
  readonly name: string;
  readonly reads: readonly string[];
}

export interface Layers {
  /** Column and row of each node, from 0. A row can be a fraction: the middle between two. */
  readonly places: ReadonlyMap<string, { readonly column: number; readonly row: number }>;
  readonly columns: number;
  readonly rows: number;
}

const SWEEPS = 8;

/**
 * Places the nodes of a graph without circles: each in the column after everything that it reads, and each column in
 * the order that lets few lines cross (the barycentre of its neighbours, in sweeps to and fro).
 */
export function layersOf(nodes: readonly LayerNode[]): Layers {
  const known = new Map(nodes.map((node) => [node.name, node]));
  const readsOf = (name: string) => known.get(name)!.reads.filter((read) => known.has(read));
  const depth = new Map<string, number>();
  const depthOf = (name: string, path: readonly string[]): number => {
    const found = depth.get(name);
    if (found !== undefined) return found;
    const deeper = readsOf(name).filter((read) => !path.includes(read));
    const value = Math.max(-1, ...deeper.map((read) => depthOf(read, [...path, name]))) + 1;
    depth.set(name, value);
    return value;
  };
  const columns: string[][] = [];
  for (const { name } of nodes) {
    const column = depthOf(name, []);
    columns[column] = [...(columns[column] ?? []), name];
  }
  const neighbours = new Map<string, string[]>(nodes.map(({ name }) => [name, readsOf(name)]));
  const readers = new Map<string, string[]>(nodes.map(({ name }) => [name, []]));
  for (const { name } of nodes) for (const read of readsOf(name)) readers.get(read)!.push(name);

  const rows = new Map<string, number>();
  const assign = () => {
    for (const column of columns) for (const [row, name] of column.entries()) rows.set(name, row);
  };
  assign();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forwards = sweep % 2 === 0;
    const towards = forwards ? neighbours : readers;
    for (const column of forwards ? columns : columns.toReversed()) {
      const weight = new Map(column.map((name) => [name, middle(towards.get(name)!, rows) ?? rows.get(name)!]));
      column.sort((one, other) => weight.get(one)! - weight.get(other)!);
      for (const [row, name] of column.entries()) rows.set(name, row);
    }
  }
  // Shorter columns are centred on what they are connected with, top to bottom, without an overlap.
  for (const column of columns.toSorted((one, other) => other.length - one.length)) {
    let free = 0;
    const ends = column.length;
    const most = Math.max(...columns.map(({ length }) => length));
    for (const [n, name] of column.entries()) {
      const wanted = middle([...neighbours.get(name)!, ...readers.get(name)!], rows) ?? free;
      const row = Math.min(Math.max(free, wanted), most - (ends - n));
      rows.set(name, row);
      free = row + 1;
    }
  }
  return {
    places: new Map(nodes.map(({ name }) => [name, { column: depth.get(name)!, row: rows.get(name)! }])),
    columns: columns.length,
    rows: Math.max(0, ...rows.values()) + 1,
  };
}

function middle(names: readonly string[], rows: ReadonlyMap<string, number>): number | undefined {
  if (names.length === 0) return undefined;
  return names.reduce((sum, name) => sum + rows.get(name)!, 0) / names.length;
}
