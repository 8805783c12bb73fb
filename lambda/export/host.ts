import type { EventBus } from '../shared/event-bus';
import type { Log } from '../shared/log';
import type { Metrics } from '../shared/metrics';
import type { ConditionalObjects, ObjectDigests, ObjectStore } from '../shared/objects';
import type { ExportPlan } from './contract';
import type { UnloadEngine } from './engine';
import type { Ledger } from './ledger';

export interface ExportHost {
  readonly environment: string;
  readonly bucket: string;
  readonly plan: ExportPlan;
  readonly engine: UnloadEngine;
  readonly ledger: Ledger;
  readonly objects: ObjectStore & ConditionalObjects & ObjectDigests;
  readonly bus: EventBus;
  readonly log: Log;
  readonly metrics: Metrics;
  /** How often a tick comes: rows that came late are looked for at the first tick of an hour, leftovers at the first of a day. */
  readonly tickEveryMs: number;
}
