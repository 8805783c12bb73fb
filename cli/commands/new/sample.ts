import { spansOf } from '../../../pipelines/generator/replay-spans';
import type { NewPipeline } from './make-plan';
import type { SampleRecord } from './records';

const mostRecords = 500;
const mostBytes = 512 * 1024;
/** A longer record would crowd out many others. It is taken only if there are no shorter ones. */
const longRecord = 32 * 1024;

/** Chooses the records that the generator repeats: evenly over the whole sample, none that is a reject. */
export class SampleChoice {
  private readonly chosen: string[] = [];
  private bytes = 0;
  private sound = 0;
  private shortest: string | undefined;
  private readonly step: number;
  private readonly needed: readonly (readonly string[])[];

  constructor(private readonly plan: NewPipeline) {
    this.step = Math.max(1, Math.ceil(plan.profile.sound / mostRecords));
    this.needed = plan.columns.filter(({ required }) => required).map(({ path }) => path);
  }

  take(records: readonly SampleRecord[]): void {
    for (const { data, line } of records) {
      if (this.plan.profile.faultyLines.has(line)) continue;
      this.sound += 1;
      if ((this.sound - 1) % this.step === 0) this.add(data.toString('utf8'));
    }
  }

  /** The records, one a line each. */
  lines(): readonly string[] {
    return this.chosen.length > 0 || this.shortest === undefined ? this.chosen : [this.shortest];
  }

  private add(json: string): void {
    const bytes = Buffer.byteLength(json);
    const isShorter = bytes < Buffer.byteLength(this.shortest ?? '') || this.shortest === undefined;
    if (!this.isComplete(json)) return;
    if (isShorter) this.shortest = json;
    if (bytes > longRecord || this.bytes + bytes > mostBytes) return;
    this.chosen.push(json);
    this.bytes += bytes;
  }

  /** A record without a required value is a reject. */
  private isComplete(json: string): boolean {
    return spansOf(json, this.needed).every((span) => span !== undefined && json.slice(...span) !== 'null');
  }
}
