/** Counts work in progress, so that the clock does not jump while work is being done. */
export interface Activity {
  /** Marks work as begun. The returned function marks it as ended. */
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

/** A progress event of the runtime. Times are clock times; durations are real time. */
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
      /** Why the attempt failed. */
      readonly error?: string;
    }
  | {
      readonly kind: 'stack';
      readonly at: number;
      readonly name: string;
      /** CloudFormation's status name, such as `UPDATE_IN_PROGRESS`. */
      readonly status: string;
      readonly reason?: string;
    }
  /** A loss that a person should look at: an asynchronous invocation failed for good, or a delivery was not allowed. */
  | { readonly kind: 'trouble'; readonly at: number; readonly name: string; readonly message: string };
export type RunListener = (event: RunEvent) => void;
