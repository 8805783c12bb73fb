import { blameOf } from './blame';
import { asNumber, asText } from './parse';
import { raisedPrefix, type SearchPlan, type StatementTemplate } from './plan';
import { asked, renderAll, type Values } from './statement';
import { isTerminal, type Row, type StatementState } from './warehouse';

export interface SearchHost {
  /** Submits statements, each in its own transaction, or finds those that were submitted under the step's name. */
  readonly run: (step: string, statements: readonly string[]) => Promise<StatementState>;
  readonly rows: (id: string) => Promise<readonly Row[]>;
}

/** A row that makes every statement fail that types it. */
export interface Culprit {
  readonly key: string;
  /** Number of rows with this key. */
  readonly rows: number;
  /** The warehouse's error. */
  readonly message: string;
}

export type Finding =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'found'; readonly culprits: readonly Culprit[] }
  /** No record is to blame, or the warehouse itself may be failing. */
  | { readonly kind: 'none'; readonly why: string };

interface Range {
  readonly first: string;
  readonly last: string;
}

interface Piece extends Range {
  readonly piece: number;
  readonly rows: number;
  readonly keys: number;
  /** Undefined when the piece could be typed. */
  readonly error?: string;
}

/** Each division at least halves the rows that are searched, and no step has more than 2^40 rows. */
const maxDivisions = 40;
/** All keys. `~` sorts after every key, since keys begin with letters or digits. */
const everything: readonly Range[] = [{ first: '', last: '~' }];
/** The piece number of rows that the confirmation leaves out. */
const nowhere = -1;

const none = (why: string): Finding => ({ kind: 'none', why });

/**
 * Finds up to `fanout` rows that fail by themselves. A row is blamed only on proof: typed alone it failed twice, while the statement without rows
 * succeeded, and so did all rows without the failing ones. The search keeps no state: a repeated one finds its statements by their names.
 * @param label begins the names of the steps
 */
export async function findRaising(host: SearchHost, plan: SearchPlan, values: Values, label: string): Promise<Finding> {
  let ranges = everything;
  const unexplored: Range[] = [];
  for (let division = 1; division <= maxDivisions; division += 1) {
    const numbers = Array.from({ length: plan.fanout }, (_, index) => index + 1);
    const probed = await probe(host, plan, `${label}-${division}`, {
      setup: [...plan.gather, plan.divide],
      values: { ...values, ranges: JSON.stringify(ranges) },
      empty: 0,
      numbers,
    });
    if ('kind' in probed) return probed;
    const failing = probed.pieces.filter(({ error }) => error !== undefined);
    if (failing.length === 0) return none('the rows fail together and no part of them fails by itself');
    const single = failing.every(({ keys }) => keys === 1);
    // At most half of the pieces, so that the next division searches fewer rows.
    const chosen = single ? failing : failing.slice(0, Math.floor(plan.fanout / 2));
    unexplored.push(...intersect(ranges, failing.slice(chosen.length)));
    if (single) return confirm(host, plan, values, label, chosen, unexplored);
    ranges = intersect(ranges, chosen);
  }
  return none(`the search did not end within ${maxDivisions} divisions`);
}

/** The parts of the ranges that the pieces cover. A piece may span several ranges, and has no rows between them. */
const intersect = (ranges: readonly Range[], pieces: readonly Range[]): Range[] =>
  pieces.flatMap((piece) =>
    ranges
      .map((range) => ({
        first: piece.first > range.first ? piece.first : range.first,
        last: piece.last < range.last ? piece.last : range.last,
      }))
      .filter(({ first, last }) => first <= last),
  );

/** Types each suspect alone a second time, and all rows that did not fail. */
async function confirm(
  host: SearchHost,
  plan: SearchPlan,
  values: Values,
  label: string,
  suspects: readonly Piece[],
  unexplored: readonly Range[],
): Promise<Finding> {
  const given = [
    ...suspects.map(({ first, last }, index) => ({ piece: index + 1, first, last })),
    ...unexplored.map(({ first, last }) => ({ piece: nowhere, first, last })),
  ];
  const probed = await probe(host, plan, `${label}-confirm`, {
    setup: [...plan.gather, plan.assign],
    values: { ...values, ranges: JSON.stringify(given) },
    empty: suspects.length + 1,
    numbers: [0, ...suspects.map((_, index) => index + 1)],
  });
  if ('kind' in probed) return probed;
  const rest = probed.pieces.find(({ piece }) => piece === 0);
  if (rest?.error !== undefined) return none(`the rows without those that fail by themselves fail too: ${rest.error}`);
  if (!rest) {
    const doubt = await typeReference(host, plan, values, label);
    if (doubt) return doubt;
  }
  const culprits = probed.pieces.flatMap(({ piece, rows, keys, first, error }) =>
    piece > 0 && keys === 1 && error !== undefined ? [{ key: first, rows, message: error }] : [],
  );
  return culprits.length === 0 ? none('the rows that failed once do not fail again') : { kind: 'found', culprits };
}

/** Types reference rows, for the case that every row failed. Undefined when they succeed, which proves that the warehouse itself works. */
async function typeReference(
  host: SearchHost,
  plan: SearchPlan,
  values: Values,
  label: string,
): Promise<Finding | undefined> {
  const alone = none('every row fails, and no other row proves that the warehouse works');
  if (!plan.reference) return alone;
  const probed = await probe(host, plan, `${label}-reference`, {
    setup: [...plan.reference, plan.assign],
    values: { ...values, ranges: '[]' },
    empty: 1,
    numbers: [0],
  });
  if ('kind' in probed) return probed;
  const [rows] = probed.pieces;
  if (!rows) return alone;
  return rows.error === undefined ? undefined : none(`other rows fail too: ${rows.error}`);
}

/** Names of the tables that a piece's statements create: the first has the plain name, any other the name with its number. */
const probeTables = ({ probe }: SearchPlan, name: string): Values =>
  Object.fromEntries(
    probe.map((_, number) => (number === 0 ? ['probe_table', name] : [`probe_table_${number}`, `${name}_${number}`])),
  );

const isOther = (error: string) => blameOf({ status: 'FAILED', error }) === 'other';

interface Probe {
  readonly setup: readonly StatementTemplate[];
  readonly values: Values;
  /** Number of a piece without rows. */
  readonly empty: number;
  readonly numbers: readonly number[];
}

/** Runs one batch. Returns the pieces that have rows, with the error of typing each. */
async function probe(
  host: SearchHost,
  plan: SearchPlan,
  step: string,
  { setup, values, empty, numbers }: Probe,
): Promise<Finding | { readonly pieces: readonly Piece[] }> {
  const fill = (templates: readonly StatementTemplate[], offered: Values) =>
    renderAll(templates, asked(templates, offered));
  const before = fill([...setup, plan.pieces], { ...values, fanout: plan.fanout });
  const probes = [empty, ...numbers].map((piece, index) =>
    fill(plan.probe, { ...values, piece, ...probeTables(plan, `${plan.probeTable}${index}`) }),
  );
  const ended = await host.run(step, [...before, ...probes.flat()]);
  if (!isTerminal(ended.status)) return { kind: 'waiting' };
  if (ended.status === 'ABORTED') return none('the search was aborted');
  const { parts } = ended;
  const broken = before.findIndex((_, index) => parts[index]?.status !== 'FINISHED');
  if (broken >= 0) return none(`the rows could not be searched: ${parts[broken]?.error ?? ended.error ?? 'no reason'}`);
  // Only the first failed statement of a piece says why: the next ones may lack its table.
  const errorOf = (index: number) => {
    const first = before.length + index * plan.probe.length;
    const failed = plan.probe.findIndex((_, number) => parts[first + number]?.status !== 'FINISHED');
    if (failed < 0) return undefined;
    return parts[first + failed]?.error ?? ended.error ?? 'Redshift gave no reason';
  };
  // A statement that was cancelled, or lacks a right, says nothing about its rows.
  const unrelated = probes.map((_, index) => errorOf(index)).find((error) => error !== undefined && isOther(error));
  if (unrelated !== undefined) return none(`a part of the search failed, but not on a record: ${unrelated}`);
  const emptyError = errorOf(0);
  if (emptyError !== undefined) return none(`the statement fails without rows, too: ${emptyError}`);
  const rows = await host.rows(parts[before.length - 1]!.id);
  return {
    pieces: rows.map((row) => {
      const piece = asNumber(row.piece, 'piece');
      return {
        piece,
        rows: asNumber(row.row_count, 'row_count'),
        keys: asNumber(row.key_count, 'key_count'),
        first: asText(row.first_key, 'first_key'),
        last: asText(row.last_key, 'last_key'),
        error: errorOf(numbers.indexOf(piece) + 1),
      };
    }),
  };
}

/** The column `rejects.reason` has 512 bytes. */
const maxReasonBytes = 480;

/** The reason of the reject that a culprit becomes: `raised: ` and the warehouse's error, on one line. */
export function raisedReason({ message }: Culprit): string {
  // No SQL text can hold a NUL.
  const line = `${raisedPrefix}${message.replace(/[\s\0]+/g, ' ').trim()}`;
  const bytes = Buffer.from(line);
  if (bytes.length <= maxReasonBytes) return line;
  return `${bytes
    .subarray(0, maxReasonBytes)
    .toString('utf8')
    .replace(/(?<!\uFFFD)\uFFFD+$/, '')}…`;
}
