import { type FillableDisk, fillable } from 'aws-local-kit/testing';
import type { StatementFault } from '../../local/faults';

/** DuckDB writes without Node.js. While the disk is full, every second statement therefore fails by an injected fault. */
const statementsPerFault = 2;
const diskFull: StatementFault = {
  kind: 'fail',
  error: 'ERROR: Disk Full: there is no space left for the warehouse; free some space and run the statement again',
};

/** The disk below the stores of one simulated account. */
export class SimulatedDisk {
  private readonly disk: FillableDisk;
  private statements = 0;
  isFull = false;

  constructor(folder: string) {
    this.disk = fillable(folder);
  }

  get refused(): number {
    return this.disk.refused;
  }

  /** @param room in bytes. Undefined: there is enough */
  leave(room: number | undefined): void {
    this.isFull = room !== undefined;
    if (room === undefined) this.disk.free();
    else this.disk.fill(room);
  }

  statement(): StatementFault | undefined {
    if (!this.isFull) return undefined;
    this.statements += 1;
    return this.statements % statementsPerFault === 0 ? diskFull : undefined;
  }

  dispose(): void {
    this.disk.free();
    this.disk.dispose();
  }
}
