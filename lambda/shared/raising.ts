import { blameOf } from './blame';
import { asNumber, asText } from './parse';
import { raisedPrefix, type SearchPlan, type StatementTemplate } from './plan';
import { asked, renderAll, type Values } from './statement';
import { isTerminal, type Row, type StatementState } from './warehouse';

export interface SearchHost {
  /** Submits statements that are each committed for itself, or finds those that were submitted under the step's name. */
  readonly run: (step: string, statements: readonly string[]) => Promise<StatementState>;
  readonly rows: (id: string) => Promise<readonly Row[]>;
}

/** A row that makes its statement fail whenever it is typed. */
export interface Culprit {
  readonly key: string;
  /** Rows that have the key. */
  readonly rows: number;
  /** What the warehouse says. */
  readonly message: string;
}

export type Finding =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'found'; readonly culprits: readonly Culprit[] }
  /** No record is to blame, or none can be told from a warehouse that is ill. */
  | { readonly kind: 'none'; readonly why: string };

interface Range {
  readonly first: string;
  readonly last: string;
}

interface Piece extends Range {
  readonly piece: number;
  readonly rows: number;
  readonly keys: number;
  /** Undefined where it could be typed. */
  readonly error?: string;
}

/** Every division halves at least what is searched: more rows than 2^40 are in no step. */
const maxDivisions = 40;
/** Sorts behind every key: keys begin with letters or digits. */
const everything: readonly Range[] = [{ first: '', last: '~' }];
/** A piece of the confirmation that has no rows and is not counted. */
const nowhere = -1;

const none = (why: string): Finding => ({ kind: 'none', why });

/**
 * Finds up to `fanout` rows that fail by themselves. Each was typed alone twice and failed twice, while the statement without any row and all
 * rows without the ones that failed went through; without such a proof no row is blamed. It keeps no state: a repeated search finds its
 * statements by their names.
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
    if (failing.length === 0) return none('its rows fail together and no part of them fails by itself');
    const single = failing.every(({ keys }) => keys === 1);
    // Half of the pieces at most, so that the next division has less to search.
    const chosen = single ? failing : failing.slice(0, Math.floor(plan.fanout / 2));
    unexplored.push(...shared(ranges, failing.slice(chosen.length)));
    if (single) return confirm(host, plan, values, label, chosen, unexplored);
    ranges = shared(ranges, chosen);
  }
  return none(`${maxDivisions} divisions did not come to an end`);
}

/** What the pieces have of the ranges: between two ranges, a piece that has rows of both has none. */
const shared = (ranges: readonly Range[], pieces: readonly Range[]): Range[] =>
  pieces.flatMap((piece) =>
    ranges
      .map((range) => ({
        first: piece.first > range.first ? piece.first : range.first,
        last: piece.last < range.last ? piece.last : range.last,
      }))
      .filter(({ first, last }) => first <= last),
  );

/** Types each suspect alone once more, and everything but what failed. */
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
    const doubt = await refer(host, plan, values, label);
    if (doubt) return doubt;
  }
  const culprits = probed.pieces.flatMap(({ piece, rows, keys, first, error }) =>
    piece > 0 && keys === 1 && error !== undefined ? [{ key: first, rows, message: error }] : [],
  );
  return culprits.length === 0 ? none('what failed once does not fail again') : { kind: 'found', culprits };
}

/** Where every row failed: types other rows. Undefined when that went well, so that the warehouse is not ill. */
async function refer(host: SearchHost, plan: SearchPlan, values: Values, label: string): Promise<Finding | undefined> {
  const alone = none('every row fails, and no other row shows that the warehouse is well');
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

/** The tables that the statements of a piece make: the first has the name, any other the name and its number. */
const probeTables = ({ probe }: SearchPlan, name: string): Values =>
  Object.fromEntries(
    probe.map((_, number) => (number === 0 ? ['probe_table', name] : [`probe_table_${number}`, `${name}_${number}`])),
  );

const isOther = (error: string) => blameOf({ status: 'FAILED', error }) === 'other';

interface Probe {
  readonly setup: readonly StatementTemplate[];
  readonly values: Values;
  /** The number of a piece that has no rows. */
  readonly empty: number;
  readonly numbers: readonly number[];
}

/** One batch: the pieces that have rows, each with what typing it came to. */
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
  if (broken >= 0) return none(`its rows could not be searched: ${parts[broken]?.error ?? ended.error ?? 'no reason'}`);
  // The first statement that failed says why: those after it may lack its table.
  const errorOf = (index: number) => {
    const first = before.length + index * plan.probe.length;
    const failed = plan.probe.findIndex((_, number) => parts[first + number]?.status !== 'FINISHED');
    if (failed < 0) return undefined;
    return parts[first + failed]?.error ?? ended.error ?? 'Redshift gave no reason';
  };
  // A statement that was cancelled, or lacks a right, says nothing of its rows.
  const ill = probes.map((_, index) => errorOf(index)).find((error) => error !== undefined && isOther(error));
  if (ill !== undefined) return none(`a part of the search failed, but not on a record: ${ill}`);
  const emptyError = errorOf(0);
  if (emptyError !== undefined) return none(`it fails without any row too: ${emptyError}`);
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

/** `rejects.reason` takes 512 bytes. */
const maxReasonBytes = 480;

/** The reason of the reject that a culprit becomes: `raised: ` and what the warehouse said, on one line. */
export function raisedReason({ message }: Culprit): string {
  // No text of SQL can hold a NUL.
  const line = `${raisedPrefix}${message.replace(/[\s\0]+/g, ' ').trim()}`;
  const bytes = Buffer.from(line);
  if (bytes.length <= maxReasonBytes) return line;
  return `${bytes
    .subarray(0, maxReasonBytes)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}…`;
}
