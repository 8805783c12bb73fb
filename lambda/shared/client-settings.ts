import { NodeHttpHandler } from '@smithy/node-http-handler';

export interface Deadlines {
  /** Time until the service begins to answer, including the upload of the request. @default 60,000: the Data API and SQS hold calls open for up to 30 s */
  readonly answerMs?: number;
}

const CONNECT_MS = 5_000;
const ANSWER_MS = 60_000;

/**
 * Settings of every AWS client of the project. Without them, a call to a server that accepts and never answers waits for ever.
 * - A connection may take 5 s, an answer `answerMs`, and a pause within a body as long as an answer.
 * - The SDK retries calls that were throttled, timed out or failed in the service: three attempts in all.
 * - Requests are HTTP/1.1. The Kinesis client's default is HTTP/2, which has no deadline and which few emulators support.
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
