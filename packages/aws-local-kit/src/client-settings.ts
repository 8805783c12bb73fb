import { NodeHttpHandler } from '@smithy/node-http-handler';

export interface Deadlines {
  /**
   * Longest time until the response begins, including the upload of the request. The Data API and SQS hold a call open
   * for up to 30 s.
   * @default 60,000
   */
  readonly answerMs?: number;
}

const CONNECT_MS = 5_000;
const ANSWER_MS = 60_000;

/**
 * Settings of every AWS client that a package makes. Without them a call waits forever if the server accepts the
 * connection but never responds.
 * - A connection may take 5 s, the start of a response `answerMs`, and a pause within a body `answerMs` too.
 * - The SDK retries a call that was throttled, timed out or failed in the service: three attempts in all.
 * - Requests use HTTP/1.1. The Kinesis client's default is HTTP/2, which has no deadline and which few emulators speak.
 *
 * Each client needs its own handler, since `destroy` closes the handler.
 */
export const clientSettings = ({ answerMs = ANSWER_MS }: Deadlines = {}) => ({
  maxAttempts: 3,
  requestHandler: new NodeHttpHandler({
    connectionTimeout: CONNECT_MS,
    requestTimeout: answerMs,
    throwOnRequestTimeout: true,
    socketTimeout: answerMs,
  }),
});
