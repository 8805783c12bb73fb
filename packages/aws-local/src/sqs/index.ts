import { type JsonService, jsonService, type ResourceTwin } from 'aws-local-kit';
import { sqsOperations } from './operations';
import { Sqs, type SqsOptions } from './sqs';
import { sqsTwins } from './twins';

export { Sqs, type SqsOptions } from './sqs';

/** Room for 1 MiB of messages whose characters are escaped. */
const sendBodyBytes = 8 * 1024 * 1024;

/** SQS: the port for the other twins, the API for the gateway, and the twins of AWS::SQS::Queue and QueuePolicy. */
export function createSqs(options: SqsOptions): { port: Sqs; service: JsonService; resources: ResourceTwin[] } {
  const port = new Sqs(options);
  const service = jsonService('sqs', 'json-1.0', 'AmazonSQS', sqsOperations(port), {
    SendMessage: sendBodyBytes,
    SendMessageBatch: sendBodyBytes,
  });
  return { port, service, resources: sqsTwins(port) };
}
