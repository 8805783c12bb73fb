import { defaultFullPassHour } from '../../lambda/shared/plan';
import { outsider } from './cloud';
import type { Simulation } from './simulation';
import { missingRecords, skippedRecords } from './verify/gaps';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const maxRounds = 12;

/** What the schedules, and an operator who is told by alarms, do when nothing goes wrong any more. */
export class Recovery {
  constructor(private readonly world: Simulation) {}

  async run(): Promise<void> {
    const { cloud } = this.world;
    await this.schedules();
    // Keys that were overwritten, and notified of in vain, are found by the listing of everything.
    await this.night();
    await this.schedules();
    const { lateUntil } = cloud.faults;
    const late = lateUntil() !== undefined;
    for (let until = lateUntil(); until !== undefined; until = lateUntil()) await this.idle(until - cloud.clock.now());
    if (late) await this.schedules();
    if (this.redrive() > 0) await this.schedules();
    // So long after a refresh it is known whether it named all the records that it skipped.
    if (this.world.skips) await this.idle(26 * hourMs);
    await this.closeGaps();
    await this.publish();
  }

  private async schedules(): Promise<void> {
    for (let round = 1; round <= maxRounds; round++) {
      await this.world.tick('refresh');
      await this.world.tick('reconcile');
      await this.world.pass(2 * hourMs);
      if (round >= 2 && this.waiting() === 0 && !this.world.isBackfilling) return;
    }
  }

  /** Until the hour from which on everything is listed. */
  private async night(): Promise<void> {
    const { clock } = this.world.cloud;
    await this.idle((defaultFullPassHour * hourMs - (clock.now() % dayMs) + dayMs) % dayMs);
  }

  /** Time in which nothing is done but what keeps the stream from forgetting. */
  private async idle(ms: number): Promise<void> {
    const stepMs = (this.world.retentionHours - 4) * hourMs;
    for (let left = ms; left >= 0; left -= stepMs) {
      await this.world.pass(Math.min(left, stepMs));
      await this.world.tick('refresh');
      await this.world.cloud.settle();
    }
  }

  /** What an operator does with messages that SQS itself gave up: those of objects that cannot be loaded say so, and stay. */
  private redrive(): number {
    const { port } = this.world.cloud.sqs;
    const letters = port.queueAt('letters');
    let count = 0;
    for (const { body, receipt } of letters.receive(1000, 0, () => undefined)) {
      if ('reason' in JSON.parse(body)) continue;
      port.queueAt('queue').send(body, outsider.arn);
      letters.delete(receipt!);
      count += 1;
    }
    return count;
  }

  /** Alarms name gaps and skipped records, and the runbook a backfill from the archive. Without a gap nothing may be missing. */
  private async closeGaps(): Promise<void> {
    const { world } = this;
    const { missing, unnamed, gaps } = await missingRecords(world);
    world.problems.push(...unnamed);
    world.gaps.push(...gaps);
    if (missing === 0 && gaps.length === 0 && (await skippedRecords(world)) === 0) return;
    world.backfill();
    await world.pass(hourMs);
    await this.schedules();
  }

  /** Until the windows of all that arrived are closed and published, late rows are in corrections, and nothing unpublished is left. */
  private async publish(): Promise<void> {
    const { world } = this;
    const { clock } = world.cloud;
    await this.idle(dayMs - (clock.now() % dayMs) + hourMs);
    // This refresh tells that all that arrived before the last one is merged; the second export takes up what the first found under way.
    for (const name of ['refresh', 'export', 'export'] as const) {
      await world.pass(hourMs);
      await world.tick(name);
    }
    // The first tick of a day sweeps.
    await world.pass(dayMs - (clock.now() % dayMs));
    await world.tick('export');
    await world.pass(hourMs);
  }

  /** Messages that are still to be worked on. */
  private waiting(): number {
    const { sqs } = this.world.cloud;
    return sqs.port.depth('queue') + sqs.port.depth('backlog');
  }
}
