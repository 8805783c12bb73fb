import { createHash } from 'node:crypto';
import type { Pipeline } from '../../pipelines/definition';
import { allStatements, type Batch } from '../../sql';
import { isLong } from '../warehouse/statement-texts';

/** Bytes that the statements of all pipelines of a stack may take of its template, which is a fifth of what it may have. */
const stackBytes = 200_000;
/** What is shown of a statement for which there is no room. */
const beginningBytes = 300;

/**
 * The statements of a pipeline as a reviewer reads them in `cdk diff`, a list of lines for each function: a diff of lists shows the lines that changed. A
 * statement is shown once. If there is no room for all of them, the rest is shown with its beginning and its hash, so that a change
 * is seen; the whole text is in `plan.json` of the function's asset and in `npx millrace plan`.
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

  private linesOf({ name, statements }: Batch): string[] {
    const lines = [`-- ${name}${statements.length > 1 ? `, ${statements.length} statements` : ''}`];
    statements.forEach((statement, i) => {
      const known = this.shown.get(statement);
      if (known !== undefined) lines.push(`-- ${i + 1}: as ${known}`);
      else lines.push(...this.textOf(statement, `${name} ${i + 1}`));
    });
    return lines;
  }

  private textOf(statement: string, name: string): string[] {
    const bytes = Buffer.byteLength(JSON.stringify(statement));
    this.shown.set(statement, name);
    if (bytes <= beginningBytes || bytes <= this.room) {
      this.room -= bytes;
      return `${statement};`.split('\n');
    }
    const hash = createHash('sha256').update(statement).digest('hex').slice(0, 16);
    const size = bytes.toLocaleString('en-US');
    return [...statement.slice(0, beginningBytes).split('\n'), `-- and so on: ${size} bytes in all, sha256 ${hash}`];
  }
}
