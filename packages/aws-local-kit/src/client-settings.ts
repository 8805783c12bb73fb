import { NodeHttpHandler } from '@smithy/node-http-handler';

export interface Deadlines {
  /** How long the service may take until it begins to answer, the upload of the request included. @default 60,000: the Data API and SQS hold a call open for up to 30 s */
  readonly answerMs?: number;
}

const CONNECT_MS = 5_000;
const ANSWER_MS = 60_000;

/**
 * Settings of every AWS client that a package makes. Without them a call waits for ever for a server that accepts and never answers.
 * - A connection has 5 s, an answer `answerMs`, and a body may pause for as long.
 * - The SDK retries what was throttled, timed out or failed in the service: three attempts in all.
 * - Requests are HTTP/1.1. The Kinesis client's own default is HTTP/2, which has no deadline and which few emulators speak.
 *
 * Each client needs a handler of its own, since `destroy` closes the handler.
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
