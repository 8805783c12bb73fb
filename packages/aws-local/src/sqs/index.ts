import { type JsonService, jsonService, type ResourceTwin } from 'aws-local-kit';
import { sqsOperations } from './operations';
import { Sqs, type SqsOptions } from './sqs';
import { sqsTwins } from './twins';

export { Sqs, type SqsOptions } from './sqs';

/** SQS: the port for the other twins, the API for the gateway, and the twins of AWS::SQS::Queue and QueuePolicy. */
export function createSqs(options: SqsOptions): { port: Sqs; service: JsonService; resources: ResourceTwin[] } {
  const port = new Sqs(options);
  return { port, service: jsonService('sqs', 'json-1.0', 'AmazonSQS', sqsOperations(port)), resources: sqsTwins(port) };
}
