import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { explainer } from '../../../cli/page/aws/explain';
import { awsQueries } from '../../../cli/page/aws/statements';
import { environments } from '../../../environments';
import type { WarehouseTarget } from '../../../lambda/shared/redshift-data';

type Answers = Readonly<Record<string, readonly [status: number, body: object]>>;

/** A Data API and a control plane that answer what a test says, by operation. */
let answers: Answers = {};
let server: Server;
beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    const operation = String(request.headers['x-amz-target'] ?? '')
      .split('.')
      .at(-1)!;
    const [status, body] = answers[operation] ?? [400, { __type: 'AccessDeniedException', message: operation }];
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

const environment = environments.find(({ name }) => name === 'dev')!;
const secretArn = 'arn:aws:secretsmanager:eu-west-1:1:secret:owner';

/** What a person reads if a query of the page has these answers. */
async function problemOf(kind: WarehouseTarget['kind'], given: Answers): Promise<string> {
  answers = given;
  const warehouse = { kind, name: 'w', database: 'd', secretArn };
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const queries = awsQueries(warehouse, {
    endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
  });
  const explain = explainer({
    environment,
    warehouse,
    connection: { data: '', outputs: 'o.json', environment: 'dev' },
  });
  try {
    return await queries.query('select 1').then(() => 'none', explain);
  } finally {
    queries.dispose();
  }
}

const refused = (__type: string, message: string): Answers => ({ ExecuteStatement: [400, { __type, message }] });
const failed = (reason: string): Answers => ({
  ExecuteStatement: [200, { Id: 'x' }],
  DescribeStatement: [200, { Id: 'x', Status: 'FAILED', Error: reason }],
});
const gone = refused('ValidationException', "Redshift endpoint doesn't exist in this region.");
const workgroup = (status: string): Answers => ({ GetWorkgroup: [200, { workgroup: { status } }] });
const startAgain = 'then end `npx millrace ui --environment dev` with Ctrl-C and start it again';

test.each<[string, WarehouseTarget['kind'], Answers, string]>([
  ['expired credentials', 'serverless', refused('ExpiredTokenException', 'expired'), startAgain],
  ['a wrong key', 'provisioned', refused('UnrecognizedClientException', 'invalid'), startAgain],
  [
    'a missing permission',
    'provisioned',
    refused('AccessDeniedException', 'User r is not authorized to perform: secretsmanager:GetSecretValue'),
    '`npx millrace ui --environment dev --policy` prints all that the page needs',
  ],
  ['a workgroup that is not there', 'serverless', gone, 'there is no workgroup w in this account and region'],
  ['a cluster that is not there', 'provisioned', gone, 'o.json is of another deployment'],
  [
    'a workgroup that is being modified',
    'serverless',
    { ...gone, ...workgroup('MODIFYING') },
    'the workgroup w is MODIFYING: `aws redshift-serverless get-workgroup --workgroup-name w` says when it is AVAILABLE',
  ],
  [
    'a workgroup that is being deleted',
    'serverless',
    { ...gone, ...workgroup('DELETING') },
    'the workgroup w is DELETING: look at it in the Redshift console',
  ],
  [
    'a password that was changed',
    'provisioned',
    failed('FATAL: password authentication failed for user "owner"'),
    `the secret ${secretArn} has another password than the database: change one of them`,
  ],
  [
    'a secret that was deleted',
    'provisioned',
    refused('ValidationException', "Secrets Manager can't find the specified secret."),
    `the owner's secret ${secretArn} is gone: deploy the data stack of dev again`,
  ],
  [
    'an existing warehouse that Millrace was not deployed to',
    'provisioned',
    failed('ERROR: relation "estore.runs" does not exist'),
    'the environment is not wholly deployed, or this working tree is of another version: `npx millrace plan dev`',
  ],
  ['a database of another name', 'serverless', failed('FATAL: database "d" does not exist'), '`npx millrace plan dev`'],
])('%s is a sentence that says what to do', async (_, kind, given, sentence) => {
  expect(await problemOf(kind, given)).toContain(sentence);
});
