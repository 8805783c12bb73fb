/** A documented ceiling of AWS. */
export interface Limit {
  readonly most: number;
  readonly unit: string;
  /** Where AWS documents it. */
  readonly page: string;
}

const pages = {
  cloudformation: 'https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html',
  dataApi: 'https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html',
  dataApiBatch: 'https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html',
  redshift: 'https://docs.aws.amazon.com/redshift/latest/mgmt/amazon-redshift-limits.html',
  lambda: 'https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html',
  iam: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html',
  states: 'https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html',
  events: 'https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html',
  scheduler: 'https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html',
  alarms: 'https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html',
  sqs: 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html',
  queues: 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html',
  s3: 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html',
  buckets: 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html',
  notifications: 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html',
  kms: 'https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html',
  kinesis: 'https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html',
  firehose: 'https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html',
} as const;

/** Every limit that synthesis measures. Adjustable quotas are listed with their defaults. */
export const limits = {
  templateBytes: { most: 1_000_000, unit: 'bytes', page: pages.cloudformation },
  resources: { most: 500, unit: 'resources', page: pages.cloudformation },
  outputs: { most: 200, unit: 'outputs', page: pages.cloudformation },
  parameters: { most: 200, unit: 'parameters', page: pages.cloudformation },
  logicalId: { most: 255, unit: 'characters', page: pages.cloudformation },
  stackName: { most: 128, unit: 'characters', page: pages.cloudformation },
  /** A response may have 4,096 bytes; the rest of it takes less than 1,000. */
  physicalId: { most: 3000, unit: 'bytes of the 4,096 of an answer', page: pages.cloudformation },
  /**
   * Older patches of Redshift take 100 kB and newer ones 200 kB (release notes of patch 198). Millrace stays below the smaller number, because a cluster
   * may be on either.
   */
  statementBytes: { most: 100_000, unit: 'bytes', page: pages.dataApi },
  batchStatements: { most: 40, unit: 'statements', page: pages.dataApiBatch },
  identifier: { most: 127, unit: 'bytes', page: pages.redshift },
  tableColumns: { most: 1600, unit: 'columns', page: pages.redshift },
  functionVariables: { most: 4096, unit: 'bytes', page: pages.lambda },
  functionDescription: { most: 256, unit: 'characters', page: pages.lambda },
  functionName: { most: 64, unit: 'characters', page: pages.lambda },
  rolePolicies: { most: 10_240, unit: 'characters', page: pages.iam },
  roleTrust: { most: 2048, unit: 'characters', page: pages.iam },
  roleName: { most: 64, unit: 'characters', page: pages.iam },
  roleDescription: { most: 1000, unit: 'characters', page: pages.iam },
  managedPolicy: { most: 6144, unit: 'characters', page: pages.iam },
  /** CDK's provider framework passes the request with old and new properties. */
  stateInput: { most: 262_144, unit: 'bytes', page: pages.states },
  stateMachine: { most: 1_000_000, unit: 'bytes', page: pages.states },
  eventPattern: { most: 2048, unit: 'characters', page: pages.events },
  ruleName: { most: 64, unit: 'characters', page: pages.events },
  ruleDescription: { most: 512, unit: 'characters', page: pages.events },
  ruleTargets: { most: 5, unit: 'targets', page: pages.events },
  scheduleName: { most: 64, unit: 'characters', page: pages.scheduler },
  scheduleDescription: { most: 512, unit: 'characters', page: pages.scheduler },
  alarmName: { most: 255, unit: 'characters', page: pages.alarms },
  alarmDescription: { most: 1024, unit: 'characters', page: pages.alarms },
  queueName: { most: 80, unit: 'characters', page: pages.queues },
  queuePolicy: { most: 8192, unit: 'bytes', page: pages.sqs },
  bucketName: { most: 63, unit: 'characters', page: pages.buckets },
  bucketPolicy: { most: 20_480, unit: 'bytes', page: pages.s3 },
  bucketNotifications: { most: 100, unit: 'notifications', page: pages.notifications },
  keyPolicy: { most: 32_768, unit: 'bytes', page: pages.kms },
  streamName: { most: 128, unit: 'characters', page: pages.kinesis },
  deliveryStreamName: { most: 64, unit: 'characters', page: pages.firehose },
} as const satisfies Record<string, Limit>;

/** Synthesis warns from this share of a limit. */
export const warningShare = 0.8;

/** A measurement and its limit. */
export interface Finding {
  /** The field as the user wrote it, or the resource and its property. */
  readonly where: string;
  readonly measured: number;
  readonly limit: Limit;
  /** What the user can do, as a clause. @default - no advice */
  readonly advice?: string;
  /** False gives no warning before the limit is passed, where users cannot change the measured value. @default true */
  readonly warns?: boolean;
}

export interface Judged {
  /** Limits that are exceeded, one line each. AWS would refuse the deployment. */
  readonly errors: readonly string[];
  /** Limits that are close, one line each. */
  readonly warnings: readonly string[];
}

/** Sorts findings into errors and warnings, the largest share of a limit first. */
export function judge(findings: readonly Finding[]): Judged {
  const share = ({ measured, limit }: Finding) => measured / limit.most;
  const sorted = [...findings].sort((one, other) => share(other) - share(one));
  const text = (finding: Finding) => {
    const { where, measured, limit, advice } = finding;
    const percent = `${Math.round(share(finding) * 100)} %`;
    return `${where} has ${number(measured)} of at most ${number(limit.most)} ${limit.unit} (${percent})${advice ? `: ${advice}` : ''}. ${limit.page}`;
  };
  return {
    errors: sorted.filter((finding) => share(finding) > 1).map(text),
    warnings: sorted
      .filter((finding) => finding.warns !== false && share(finding) <= 1 && share(finding) >= warningShare)
      .map(text),
  };
}

const number = (value: number) => value.toLocaleString('en-US');
