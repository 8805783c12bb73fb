import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';

/** An event that rules can match. */
export interface BusEvent {
  readonly source: string;
  readonly detailType: string;
  /** JSON of less than 256 KB. */
  readonly detail: unknown;
}

/** The account's default event bus. */
export interface EventBus {
  /** Resolves when the bus has accepted every event. A repeated call may send some twice. */
  send(events: readonly BusEvent[]): Promise<void>;
}

/** PutEvents limit. */
const maxEntries = 10;
/** Pauses before retries of entries that a call refused. The SDK itself retries whole calls. */
const pausesMs = [200, 400, 800, 1600];

const sleepMs = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export function eventBridge(
  client: Pick<EventBridgeClient, 'send'>,
  sleep: (ms: number) => Promise<void> = sleepMs,
): EventBus {
  /** A call may accept only some entries; the others are sent again. */
  const sendSome = async (events: readonly BusEvent[]) => {
    let left = events;
    for (const pauseMs of [...pausesMs, undefined]) {
      const Entries = left.map(({ source, detailType, detail }) => ({
        Source: source,
        DetailType: detailType,
        Detail: JSON.stringify(detail),
      }));
      const { Entries: answers = [] } = await client.send(new PutEventsCommand({ Entries }));
      const refused = answers.flatMap(({ ErrorCode, ErrorMessage }, i) =>
        ErrorCode === undefined ? [] : [{ event: left[i]!, reason: `${ErrorCode} ${ErrorMessage ?? ''}` }],
      );
      if (refused.length === 0) return;
      if (pauseMs === undefined)
        throw new Error(`the event bus refused ${refused.length} events: ${refused[0]!.reason}`);
      left = refused.map(({ event }) => event);
      await sleep(pauseMs);
    }
  };

  return {
    async send(events) {
      for (let at = 0; at < events.length; at += maxEntries) await sendSome(events.slice(at, at + maxEntries));
    },
  };
}
