import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer on the wire: a body, or an error by its code. */
export type Answer =
  | string
  | object
  | { readonly code: string; readonly message?: string; readonly status?: number }
  | 'hang up';

/** By `service:Operation`. */
export type Answers = Readonly<Record<string, Answer>>;

const xml = ['sts', 'iam', 'cloudformation', 'redshift', 'ec2'];

/** A server that answers as AWS does, in the protocol of each service; told apart by the signature's scope. Operations without an answer are denied. */
export async function fakeAws(answers: () => Answers) {
  const calls: string[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const service = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(request.headers.authorization ?? '')?.[1] ?? '';
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const target = String(request.headers['x-amz-target'] ?? '').split('.')[1];
      const operation = `${service}:${target ?? form.get('Action') ?? (service === 'lambda' ? 'GetAccountSettings' : '')}`;
      calls.push(operation);
      const answer = answers()[operation] ?? {
        code: 'AccessDeniedException',
        message: `not authorized: ${operation}`,
        status: 403,
      };
      const { status, type, body } = written(service, operation, answer);
      response.writeHead(status, { 'content-type': type, 'x-amzn-requestid': 'r' });
      response.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function written(service: string, operation: string, answer: Answer) {
  const error =
    typeof answer === 'object' && 'code' in answer
      ? (answer as { code: string; message?: string; status?: number })
      : undefined;
  if (xml.includes(service)) return { type: 'text/xml', ...xmlOf(service, operation, answer, error) };
  const type = service === 'lambda' ? 'application/json' : 'application/x-amz-json-1.1';
  return error
    ? {
        type,
        status: error.status ?? 400,
        body: JSON.stringify({ __type: error.code, message: error.message ?? error.code }),
      }
    : { type, status: 200, body: JSON.stringify(answer) };
}

function xmlOf(
  service: string,
  operation: string,
  answer: Answer,
  error?: { code: string; message?: string; status?: number },
) {
  const name = operation.split(':')[1]!;
  if (error) {
    const detail = `<Code>${error.code}</Code><Message>${error.message ?? error.code}</Message>`;
    const body =
      service === 'ec2'
        ? `<Response><Errors><Error>${detail}</Error></Errors><RequestID>r</RequestID></Response>`
        : `<ErrorResponse><Error><Type>Sender</Type>${detail}</Error><RequestId>r</RequestId></ErrorResponse>`;
    return { status: error.status ?? 400, body };
  }
  const body =
    service === 'ec2'
      ? `<${name}Response><requestId>r</requestId>${answer}</${name}Response>`
      : `<${name}Response><${name}Result>${answer}</${name}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${name}Response>`;
  return { status: 200, body };
}

const zone = (name: string) => `<item><zoneName>${name}</zoneName><zoneState>available</zoneState></item>`;

/** A new account in eu-west-1, ready for a first deployment. */
export const fresh: Answers = {
  'sts:GetCallerIdentity':
    '<Arn>arn:aws:iam::555566667777:user/ann</Arn><UserId>A</UserId><Account>555566667777</Account>',
  'ssm:GetParameter': { Parameter: { Value: '28' } },
  'cloudformation:DescribeStacks': {
    code: 'ValidationError',
    message: 'Stack with id millrace-dev-data does not exist',
  },
  'ec2:DescribeAvailabilityZones': `<availabilityZoneInfo>${['a', 'b', 'c'].map((letter) => zone(`eu-west-1${letter}`)).join('')}</availabilityZoneInfo>`,
  'ec2:DescribeVpcs': '<vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet>',
  'servicequotas:GetServiceQuota': { Quota: { Value: 5 } },
  'redshift:DescribeOrderableClusterOptions':
    '<OrderableClusterOptions><OrderableClusterOption><NodeType>ra3.large</NodeType><AvailabilityZones><AvailabilityZone><Name>eu-west-1a</Name></AvailabilityZone></AvailabilityZones></OrderableClusterOption></OrderableClusterOptions>',
  'redshift:DescribeClusters': { code: 'ClusterNotFound', message: 'Cluster not found', status: 404 },
  'iam:GetRole': { code: 'NoSuchEntity', message: 'The role cannot be found', status: 404 },
  'lambda:GetAccountSettings': { AccountLimit: { ConcurrentExecutions: 10, UnreservedConcurrentExecutions: 10 } },
  'kinesis:DescribeLimits': {
    OnDemandStreamCount: 0,
    OnDemandStreamCountLimit: 50,
    OpenShardCount: 0,
    ShardLimit: 200,
  },
  'kinesis:DescribeStreamSummary': { code: 'ResourceNotFoundException', message: 'Stream not found' },
};
