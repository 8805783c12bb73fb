import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import { createIam, createKinesis, createKms, createS3, createSecrets, createSqs } from 'aws-local/twins';
import { createClock, createGateway, type ResourceState, type ResourceTwin } from 'aws-local-kit';
import { clientSettings } from 'aws-local-kit/client-settings';
import { bucketOver, putRecords, type Surroundings } from 'redshift-conformance';
import { createWarehouse } from 'redshift-local';

const account = '000000000000';
const region = 'eu-west-1';
const cluster = 'conformance';
const database = 'dev';
const bucketName = 'conformance';

/** What the role of the warehouse may do, as the Redshift guide lists it for streams, COPY and UNLOAD. */
const policy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: ['kinesis:*', 's3:*'], Resource: '*' }],
};
const trust = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'redshift.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

/** A local warehouse with a stream service and a bucket, behind one port of this machine, in a folder that goes with it. */
export async function localSurroundings(): Promise<Surroundings> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-conformance-'));
  const clock = createClock({ start: Date.now(), rate: 1 });
  const iam = createIam({ account, region, clock });
  const gateway = await createGateway({ callerOf: iam.callerOf, services: [iam.service], region });
  const base = {
    dataDir,
    account,
    region,
    clock,
    authorizer: iam.authorizer,
    sts: iam.sts,
    endpoint: gateway.endpoint,
  };
  const kms = createKms(base);
  const sqs = createSqs({ ...base, kms: kms.port });
  const s3 = createS3({ ...base, kms: kms.port, sqs: sqs.port });
  const kinesis = createKinesis({ ...base, kms: kms.port });
  const secrets = createSecrets({ ...base, kms: kms.port });
  const bus = { publish() {} };
  const warehouse = createWarehouse({ ...base, s3: s3.port, kinesis: kinesis.port, secrets: secrets.port, bus });
  gateway.add(s3.service, kinesis.service, warehouse.service);
  const twins = [iam, s3, kinesis, warehouse].flatMap((service): readonly ResourceTwin[] => service.resources);
  const make = async (type: string, logicalId: string, properties: object): Promise<ResourceState> => {
    const twin = twins.find((candidate) => candidate.type === type)!;
    return twin.create(properties, {
      stackName: 'conformance',
      logicalId,
      account,
      region,
      generatedName: `conformance-${logicalId}`,
    });
  };
  const role = await make('AWS::IAM::Role', 'Role', {
    RoleName: 'conformance',
    AssumeRolePolicyDocument: trust,
    Policies: [{ PolicyName: 'all', PolicyDocument: policy }],
  });
  const roleArn = String(role.attributes['Arn']);
  await make('AWS::S3::Bucket', 'Bucket', { BucketName: bucketName });
  const created = await make('AWS::Redshift::Cluster', 'Cluster', {
    ClusterIdentifier: cluster,
    ClusterType: 'single-node',
    DBName: database,
    IamRoles: [roleArn],
    ManageMasterPassword: true,
    MasterUsername: 'admin',
    NodeType: 'ra3.large',
  });
  const { accessKeyId, secretAccessKey } = iam.administrator.credentials;
  const settings = { region, endpoint: gateway.endpoint, credentials: { accessKeyId, secretAccessKey } };
  const client = new RedshiftDataClient({ ...clientSettings(), ...settings });
  const s3Client = new S3Client({ ...clientSettings(), ...settings, forcePathStyle: true });
  const kinesisClient = new KinesisClient({ ...clientSettings(), ...settings });
  return {
    local: true,
    client,
    where: {
      ClusterIdentifier: cluster,
      Database: database,
      SecretArn: String(created.attributes['MasterPasswordSecretArn']),
    },
    stream: {
      roleArn,
      async create(name) {
        await make('AWS::Kinesis::Stream', name, { Name: name, ShardCount: 1 });
      },
      put: (name, records) => putRecords(kinesisClient, name, records),
      async remove() {
        // goes with the folder
      },
    },
    bucket: bucketOver(s3Client, bucketName, roleArn),
    async dispose() {
      for (const each of [client, s3Client, kinesisClient]) each.destroy();
      clock.dispose();
      await gateway.dispose();
      await warehouse.dispose();
      await Promise.all([kinesis.port.dispose(), sqs.port.dispose(), s3.port.dispose()]);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
