import { createHash } from 'node:crypto';
import type { Pipeline } from '../../pipelines/definition';
import { allStatements, type Batch } from '../../sql';
import { isLong } from '../warehouse/statement-texts';

/** Bytes that the statements of all pipelines of a stack may take of its template, of the 1 MB that it may have. */
const stackBytes = 150_000;

/**
 * The statements of a pipeline as a reviewer reads them in `cdk diff`, a list of lines for each function: a diff of lists shows the lines that changed. A
 * statement is shown once. Where there is no room, a line with a hash shows that something changed; the whole text is in `plan.json` of the
 * function's asset, and `npx millrace plan` compares it.
 */
export class ReviewScript {
  private readonly parts = new Map<string, string[]>();
  private readonly shown = new Map<string, string>();
  private room: number;

  /** @param pipelines how many share the stack */
  constructor(pipeline: Pipeline, pipelines: number) {
    this.room = stackBytes / pipelines;
    for (const batch of allStatements(pipeline)) {
      const [first, second] = batch.name.split('.');
      // The others stand in the properties of the object.
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

/** A line in place of statements for which there is no room. */
function summaryOf({ name, statements }: Batch): string {
  const text = JSON.stringify(statements);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const count = statements.length === 1 ? '1 statement' : `${statements.length} statements`;
  return `-- ${name}: ${count}, ${Buffer.byteLength(text).toLocaleString('en-US')} bytes, sha256 ${hash}`;
}
