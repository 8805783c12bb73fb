/** What is in flight, so that nobody jumps the clock while work is being done. */
export interface Activity {
  /** Marks work as begun; the answer ends it. */
  begin(): () => void;
  track<T>(work: Promise<T>): Promise<T>;
  count(): number;
}

export function createActivity(): Activity {
  let count = 0;
  const begin = () => {
    count += 1;
    let open = true;
    return () => {
      if (open) count -= 1;
      open = false;
    };
  };
  return {
    begin,
    async track(work) {
      const end = begin();
      try {
        return await work;
      } finally {
        end();
      }
    },
    count: () => count,
  };
}

/** A line of progress for whoever watches the runtime. Times are of the clock, durations real. */
export type RunEvent =
  | {
      readonly kind: 'function';
      readonly at: number;
      readonly name: string;
      readonly requestId: string;
      readonly phase: 'started' | 'finished';
      readonly durationMs?: number;
      readonly error?: { readonly errorType: string; readonly errorMessage: string };
    }
  | {
      readonly kind: 'statement';
      readonly at: number;
      readonly name: string;
      readonly state: string;
      readonly durationMs?: number;
      readonly error?: string;
    }
  | {
      readonly kind: 'delivery';
      readonly at: number;
      readonly name: string;
      readonly records: number;
      readonly bucket: string;
      readonly key: string;
    }
  | {
      readonly kind: 'resource';
      readonly at: number;
      readonly name: string;
      readonly type: string;
      readonly action: 'create' | 'update' | 'delete';
      readonly done: boolean;
      /** It was tried and failed. */
      readonly error?: string;
    }
  | {
      readonly kind: 'stack';
      readonly at: number;
      readonly name: string;
      /** As CloudFormation names it: `UPDATE_IN_PROGRESS`. */
      readonly status: string;
      readonly reason?: string;
    }
  /** Something was lost that a person should look at: an asynchronous invocation that failed for good, a delivery without permission. */
  | { readonly kind: 'trouble'; readonly at: number; readonly name: string; readonly message: string };
export type RunListener = (event: RunEvent) => void;
