import { createHash } from 'node:crypto';
import type { Pipeline } from '../../pipelines/definition';
import { allStatements, type Batch } from '../../sql';
import { isLong } from '../warehouse/statement-texts';

/** Bytes of a stack's template for the statements of all its pipelines. A template may have 1 MB. */
const stackBytes = 150_000;

/**
 * The statements of a pipeline for reviewers, as a list of lines for each function: `cdk diff` shows which lines of a list changed. Each statement appears
 * once. Where there is no room, a line with a hash shows that something changed; the whole text is in `plan.json` of the function's asset, and
 * `npx millrace plan` compares it.
 */
export class ReviewScript {
  private readonly parts = new Map<string, string[]>();
  private readonly shown = new Map<string, string>();
  private room: number;

  /** @param pipelines number of pipelines in the stack */
  constructor(pipeline: Pipeline, pipelines: number) {
    this.room = stackBytes / pipelines;
    for (const batch of allStatements(pipeline)) {
      const [first, second] = batch.name.split('.');
      // Short statements of objects are in their properties.
      if (first === 'objects' && !isLong(batch.statements)) continue;
      const part = first === 'objects' ? `${first}.${second}` : first!;
      this.parts.set(part, [...(this.parts.get(part) ?? []), ...this.linesOf(batch)]);
    }
  }

  /** @param part `refresh`, `load`, `export`, `reconcile`, or `objects.<id>` */
  of(part: string): readonly string[] {
    return this.parts.get(part) ?? [];
  }

  private linesOf(batch: Batch): string[] {
    const { name, statements } = batch;
    const rest = statements.filter((statement) => !this.shown.has(statement));
    const bytes = Buffer.byteLength(JSON.stringify(rest));
    if (bytes > this.room) return [summaryOf(batch)];
    this.room -= bytes;
    const lines = [`-- ${name}${statements.length > 1 ? `, ${statements.length} statements` : ''}`];
    statements.forEach((statement, i) => {
      const known = this.shown.get(statement);
      if (known === undefined) this.shown.set(statement, `${name} ${i + 1}`);
      lines.push(...(known === undefined ? `${statement};`.split('\n') : [`-- ${i + 1}: as ${known}`]));
    });
    return lines;
  }
}

/** The line in place of statements that do not fit. */
function summaryOf({ name, statements }: Batch): string {
  const text = JSON.stringify(statements);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const count = statements.length === 1 ? '1 statement' : `${statements.length} statements`;
  return `-- ${name}: ${count}, ${Buffer.byteLength(text).toLocaleString('en-US')} bytes, sha256 ${hash}`;
}
