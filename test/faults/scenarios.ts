import fc from 'fast-check';
import { type Deliveries, lostConnection, type ScanFault, type StatementFault } from '../../local/faults';
import { type Action, firstOnceKey, keys, type Scenario, type Span, type Stop } from '../support/actions';
import { longRetentionHours } from '../support/pipeline';

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Mostly a few small numbers, so that stream and objects overlap a lot; sometimes hundreds of events. */
const span: fc.Arbitrary<Span> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ from: fc.nat(24), count: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ from: fc.nat(200), count: fc.integer({ min: 50, max: 400 }) }) },
);
const events = fc.array(span, { minLength: 1, maxLength: 3 });
/** Keys that may be overwritten are twice as frequent. */
const key = fc.oneof(fc.nat(keys - 1), fc.nat(1), fc.constant(firstOnceKey));

const upload: fc.Arbitrary<Action> = fc.record({ do: fc.constant('upload' as const), key, events });
const uploads: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('uploads' as const),
  key: fc.nat(4),
  objects: fc.integer({ min: 2, max: 14 }),
  events,
});
const poison: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('upload' as const),
  key,
  events,
  poison: fc.constant(true),
});
const envelope: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('envelope' as const),
  key: fc.nat(1),
  records: fc.record({ from: fc.nat(40), count: fc.integer({ min: 1, max: 60 }) }),
});
type Simple = Extract<Action, Readonly<Record<'do', string>> & { key?: never; events?: never; minutes?: never }>['do'];
const simple = (name: Simple) => fc.constant({ do: name } as Action);

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: upload },
  { weight: 1, arbitrary: uploads },
  { weight: 1, arbitrary: poison },
  { weight: 1, arbitrary: envelope },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('again' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('copy' as const), key, to: key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('put' as const), events }) },
  { weight: 6, arbitrary: simple('tick') },
  { weight: 2, arbitrary: simple('reconcile') },
  { weight: 2, arbitrary: simple('export') },
  { weight: 1, arbitrary: simple('backfill') },
  { weight: 1, arbitrary: simple('archive twice') },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pass' as const), minutes: fc.constantFrom(0, 1, 3, 11, 70, 60 * 25) }),
  },
  { weight: 1, arbitrary: simple('split') },
  { weight: 1, arbitrary: simple('merge') },
  { weight: 1, arbitrary: simple('pause') },
  { weight: 1, arbitrary: simple('resume') },
);

const actions = fc.array(action, { minLength: 2, maxLength: 14 });

/** A subject that most scenarios contain. A line that is not JSON, or has no id, names nobody. */
const forget: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('forget' as const),
  event: fc.oneof(fc.nat(16), fc.constant(18)),
});
const forgetting = fc.array(fc.oneof({ weight: 5, arbitrary: action }, { weight: 1, arbitrary: forget }), {
  minLength: 2,
  maxLength: 14,
});

/** A list of faults in which undefined means no fault. */
const sometimes = <T>(arbitrary: fc.Arbitrary<T>, maxLength: number) =>
  fc.array(fc.option(arbitrary, { nil: undefined, freq: 2 }), { maxLength });

/** Redshift's tokens protect for 8 hours, and statements are known for 24. */
const deliveries: fc.Arbitrary<Deliveries> = fc.oneof(
  fc.constant([]),
  fc.constant([0, 0]),
  fc.array(fc.constantFrom(0, 5 * minuteMs, 90 * minuteMs, 10 * 60 * minuteMs, 25 * 60 * minuteMs, 5 * dayMs), {
    minLength: 1,
    maxLength: 3,
  }),
);

/** What COPY and UNLOAD report while S3 asks for fewer requests. */
const slowCopy =
  'S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown,Rid 0,ExtRid 0,CanRetry 1';

const statementFault: fc.Arbitrary<StatementFault> = fc.oneof(
  fc.constant({ kind: 'fail' as const }),
  fc.constant({ kind: 'fail' as const, error: lostConnection }),
  fc.constant({ kind: 'fail' as const, error: slowCopy }),
  fc.record({ kind: fc.constant('abort' as const), at: fc.nat(16) }),
  fc.constant({ kind: 'answer-lost' as const }),
  fc.record({ kind: fc.constant('slow' as const), ms: fc.constantFrom(30_000, 12 * minuteMs, 90 * minuteMs) }),
);

const kill: fc.Arbitrary<Stop> = fc.record({ call: fc.integer({ min: 1, max: 34 }), after: fc.boolean() });

const hang: fc.Arbitrary<Stop> = fc.record({
  call: fc.integer({ min: 1, max: 34 }),
  after: fc.constant(false),
  hangs: fc.constant(true as const),
});

/** Clocks of functions are seldom more than milliseconds wrong. */
const skew = fc.constantFrom(-5 * minuteMs, -1000, 1000, 5 * minuteMs);

/** Bursts of calls that S3 does not answer, and pauses between them. */
const slowDowns = fc
  .array(fc.record({ calm: fc.nat(12), burst: fc.integer({ min: 1, max: 6 }) }), { maxLength: 4 })
  .map((bursts) =>
    bursts.flatMap(
      ({ calm, burst }) => [...Array(calm).fill(undefined), ...Array(burst).fill(true)] as (true | undefined)[],
    ),
  );

/** Bytes that the disk has room for, by action: sometimes for a part of a write. It is full for a few actions in a row. */
const room = fc.oneof(fc.constant(0), fc.nat(400), fc.nat(20_000));
const fullDisk = fc
  .array(fc.record({ calm: fc.nat(3), full: fc.array(room, { minLength: 1, maxLength: 4 }) }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((spells) => spells.flatMap(({ calm, full }) => [...Array<undefined>(calm).fill(undefined), ...full]));

const systemViews = fc.constantFrom(undefined, 0, 12_000, dayMs);

/** An id of an event that most scenarios contain. */
const raisingId = fc.nat(24).map((number) => `e${number}`);
const scanFault: fc.Arbitrary<ScanFault> = fc.record({
  every: fc.integer({ min: 1, max: 5 }),
  from: fc.nat(4),
  unlisted: fc.boolean(),
});

const none = fc.constant([]);
export interface Kinds {
  readonly deliveries: boolean;
  readonly statements: boolean;
  readonly kills: boolean;
  /** System views show a COPY's rows late, or do not show them to the transaction itself. */
  readonly systemViews?: boolean;
  /** Streaming ingestion skips records. */
  readonly scans?: boolean;
  /** An action does not wait for the end of the one before. */
  readonly hurry?: boolean;
  /** Records of some events make each statement fail that converts them to column types. */
  readonly raising?: boolean;
  /** Functions' clocks are wrong by up to five minutes, and step back. */
  readonly clocks?: boolean;
  /** Calls of S3 hang until their function times out. */
  readonly hangs?: boolean;
  /** The disk below the local stores is full for a while. */
  readonly fullDisk?: boolean;
  /** S3 answers bursts of calls with 503 SlowDown. */
  readonly slowS3?: boolean;
  /** An operator forgets subjects. */
  readonly forgets?: boolean;
  /** Transactions of several functions are open at the same time. Such a run has a world of its own: see `interleave/`. */
  readonly interleave?: boolean;
}

/** Generates scenarios with the given kinds of faults. */
export function scenarios(kinds: Kinds): fc.Arbitrary<Scenario> {
  const late = kinds.deliveries ? sometimes(deliveries, 6) : none;
  const broken = kinds.statements ? sometimes(statementFault, 8) : none;
  const raising = kinds.raising ? fc.uniqueArray(raisingId, { maxLength: 4 }) : none;
  const killed =
    kinds.kills || kinds.hangs ? sometimes(kinds.kills ? (kinds.hangs ? fc.oneof(kill, hang) : kill) : hang, 6) : none;
  const wrongClock = kinds.clocks ? sometimes(skew, 8) : none;
  return fc.record({
    actions: kinds.forgets ? forgetting : actions,
    turns: kinds.hurry ? sometimes(fc.nat(40), 14) : none,
    retentionHours: fc.constantFrom(longRetentionHours, longRetentionHours, 24),
    faults: fc.record({
      notifications: late,
      events: late,
      ticks: kinds.deliveries ? sometimes(fc.constantFrom([], [0, 0], [3 * minuteMs]), 4) : none,
      statements: fc.record({ load: broken, refresh: broken, reconcile: broken, export: broken }),
      systemViews: kinds.systemViews
        ? systemViews.map((ms) => (ms === undefined ? undefined : { openTransaction: false, afterEndMs: ms }))
        : fc.constant(undefined),
      raising,
      scans: kinds.scans ? sometimes(scanFault, 6) : none,
      calls: kinds.statements ? sometimes(fc.constantFrom('throttle' as const, 'answer-lost' as const), 30) : none,
    }),
    clocks: fc.record({ load: wrongClock, export: wrongClock }),
    slowDowns: kinds.slowS3 ? slowDowns : none,
    ...(kinds.fullDisk && { disk: fullDisk }),
    kills: fc.record({
      load: killed,
      refresh: killed,
      reconcile: killed,
      export: killed,
      backfill: killed,
      forget: killed,
    }),
  });
}
