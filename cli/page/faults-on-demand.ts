import type { FaultSource, StatementFault } from '../../local/faults';
import type { FaultName } from '../../ui/api';

type Armed = Exclude<FaultName, 'reshard' | 'pause-warehouse' | 'resume-warehouse'>;

/** Faults that a person requests. Each happens once, at the next opportunity. */
export class FaultsOnDemand {
  private readonly armed: Armed[] = [];
  private happened: (what: string) => void = () => {};

  /** @param listener called when a fault happens */
  onHappened(listener: (what: string) => void): void {
    this.happened = listener;
  }

  arm(fault: Armed): void {
    this.armed.push(fault);
  }

  readonly source: FaultSource = {
    delivery: (point) => {
      if (point !== 'notification') return undefined;
      if (this.take('lose-notification', 'a notification of S3 was lost')) return [];
      if (this.take('double-notification', 'a notification of S3 was delivered twice')) return [0, 0];
      return undefined;
    },
    kill: (functionName) =>
      /Load/.test(functionName) && this.take('kill-load', 'the load function was killed after its second call of AWS')
        ? { call: 2, after: true }
        : undefined,
    statement: (name): StatementFault | undefined =>
      /\/refresh\/.*\/merge\//.test(name) && this.take('abort-merge', 'a merge was aborted at its third statement')
        ? { kind: 'abort', at: 2 }
        : undefined,
    call: () => undefined,
  };

  private take(fault: Armed, what: string): boolean {
    const at = this.armed.indexOf(fault);
    if (at < 0) return false;
    this.armed.splice(at, 1);
    this.happened(what);
    return true;
  }
}
