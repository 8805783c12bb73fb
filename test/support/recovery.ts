import { defaultFullPassHour } from '../../lambda/shared/plan';
import { outsider } from './cloud';
import { sweepExportsOf } from './commands';
import type { Outcome } from './invocation';
import type { Simulation } from './simulation';
import { missingRecords, skippedRecords } from './verify/gaps';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const maxRounds = 12;

/** The work after the last fault: that of the schedules, and that of an operator who follows the alarms. */
export class Recovery {
  constructor(private readonly world: Simulation) {}

  async run(): Promise<void> {
    const { cloud } = this.world;
    await this.schedules();
    // The nightly full listing finds overwritten keys whose notifications had no effect.
    await this.night();
    await this.schedules();
    const { lateUntil } = cloud.faults;
    const late = lateUntil() !== undefined;
    for (let until = lateUntil(); until !== undefined; until = lateUntil()) await this.idle(until - cloud.clock.now());
    if (late) await this.schedules();
    if (this.redrive() > 0) await this.schedules();
    // After that time it is known if a refresh named all the records that it skipped.
    if (this.world.skips) await this.idle(26 * hourMs);
    await this.closeGaps();
    await this.world.forgetAll();
    await this.schedules();
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

  /** Idles until the hour of the full listing. */
  private async night(): Promise<void> {
    const { clock } = this.world.cloud;
    await this.idle((defaultFullPassHour * hourMs - (clock.now() % dayMs) + dayMs) % dayMs);
  }

  /** Lets time pass. It only refreshes often enough that no record expires unread. */
  private async idle(ms: number): Promise<void> {
    const stepMs = (this.world.retentionHours - 4) * hourMs;
    for (let left = ms; left >= 0; left -= stepMs) {
      await this.world.pass(Math.min(left, stepMs));
      await this.world.tick('refresh');
      await this.world.cloud.settle();
    }
  }

  /**
   * Redrives the dead letters that SQS itself moved, as an operator does. Dead letters of objects that cannot be loaded
   * have a reason and stay.
   */
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

  /**
   * Runs a backfill from the archive if there are gaps or skipped records: alarms report those, and the runbook says to
   * run it. Without a gap no record may be missing.
   */
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

  /**
   * Runs exports until the windows of all records are closed and published, late rows are in corrections, and no
   * unpublished file is left.
   */
  private async publish(): Promise<void> {
    const { world } = this;
    const { clock } = world.cloud;
    await this.idle(dayMs - (clock.now() % dayMs) + hourMs);
    // This refresh shows that all records from before the last one are merged. The second export resumes what the first
    // found in progress.
    for (const name of ['refresh', 'export', 'export'] as const) {
      await world.pass(hourMs);
      await world.tick(name);
    }
    // The first tick of a day deletes leftovers.
    await world.pass(dayMs - (clock.now() % dayMs));
    await world.tick('export');
    await world.pass(hourMs);
  }

  /** Deletes the files of exports that may have forgotten subjects, when corrections have replaced them. */
  async sweepExports(): Promise<void> {
    const { cloud, template, truth, problems } = this.world;
    if (truth.forgotten.size === 0) return;
    let outcome: Outcome | undefined;
    void sweepExportsOf(cloud, template.pipeline).then((result) => {
      outcome = result;
    });
    while (outcome === undefined) await this.world.pass(hourMs / 60);
    const { error } = outcome as Outcome;
    if (error) problems.push(`the files of exports were not swept: ${error.errorMessage}`);
  }

  /** Returns how many messages are not processed yet. */
  private waiting(): number {
    const { sqs } = this.world.cloud;
    return sqs.port.depth('queue') + sqs.port.depth('backlog');
  }
}
