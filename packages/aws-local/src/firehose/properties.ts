import {
  booleanOf,
  integerOf,
  listOf,
  NotModelledError,
  objectOf,
  oneOf,
  type Properties,
  requiredText,
  textOf,
} from 'aws-local-kit';
import { checkPrefixes } from './prefix';

/** Configuration of a delivery stream, read from its template. */
export interface DeliveryConfig {
  readonly sourceArn: string;
  readonly sourceRoleArn: string;
  readonly deliveryRoleArn: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly errorPrefix: string;
  readonly gzip: boolean;
  readonly fileExtension?: string;
  readonly bufferBytes: number;
  readonly bufferSeconds: number;
  readonly transformer?: { readonly functionArn: string; readonly retries: number; readonly bufferBytes: number };
  /** Appended to every record that does not end with it. */
  readonly delimiter?: string;
}

const megabyte = 1024 * 1024;
const destinationProperties = [
  'BucketARN',
  'BufferingHints',
  'CloudWatchLoggingOptions',
  'CompressionFormat',
  'EncryptionConfiguration',
  'ErrorOutputPrefix',
  'FileExtension',
  'Prefix',
  'ProcessingConfiguration',
  'RoleARN',
  'S3BackupMode',
];

export function parseDeliveryStream(properties: Properties, where: string): DeliveryConfig {
  const type = oneOf(properties['DeliveryStreamType'], ['KinesisStreamAsSource'], `${where}.DeliveryStreamType`);
  if (!type) throw new NotModelledError(`${where} without a Kinesis source`);
  const source = objectOf(
    properties['KinesisStreamSourceConfiguration'],
    ['KinesisStreamARN', 'RoleARN'],
    `${where}.KinesisStreamSourceConfiguration`,
  );
  const destinationName = `${where}.ExtendedS3DestinationConfiguration`;
  const destination = objectOf(
    properties['ExtendedS3DestinationConfiguration'],
    destinationProperties,
    destinationName,
  );
  if (!source || !destination) throw new Error(`${where} must have a Kinesis source and an S3 destination`);
  const hints = objectOf(
    destination['BufferingHints'],
    ['IntervalInSeconds', 'SizeInMBs'],
    `${destinationName}.BufferingHints`,
  );
  oneOf(destination['S3BackupMode'], ['Disabled'], `${destinationName}.S3BackupMode`);
  const prefix = textOf(destination['Prefix'], `${destinationName}.Prefix`) ?? '';
  const errorPrefix = textOf(destination['ErrorOutputPrefix'], `${destinationName}.ErrorOutputPrefix`) ?? '';
  checkPrefixes(prefix, errorPrefix);
  return {
    sourceArn: requiredText(source['KinesisStreamARN'], `${where}.KinesisStreamARN`),
    sourceRoleArn: requiredText(source['RoleARN'], `${where}.RoleARN`),
    deliveryRoleArn: requiredText(destination['RoleARN'], `${destinationName}.RoleARN`),
    bucket: requiredText(destination['BucketARN'], `${destinationName}.BucketARN`).split(':').pop()!,
    prefix,
    errorPrefix,
    gzip:
      (oneOf(destination['CompressionFormat'], ['GZIP', 'UNCOMPRESSED'], `${destinationName}.CompressionFormat`) ??
        'UNCOMPRESSED') === 'GZIP',
    fileExtension: textOf(destination['FileExtension'], `${destinationName}.FileExtension`),
    bufferBytes:
      (integerOf(hints?.['SizeInMBs'], `${destinationName}.BufferingHints.SizeInMBs`, 1, 128) ?? 5) * megabyte,
    bufferSeconds:
      integerOf(hints?.['IntervalInSeconds'], `${destinationName}.BufferingHints.IntervalInSeconds`, 0, 900) ?? 300,
    ...parseProcessors(destination['ProcessingConfiguration'], `${destinationName}.ProcessingConfiguration`),
  };
}

function parseProcessors(value: unknown, where: string): Pick<DeliveryConfig, 'transformer' | 'delimiter'> {
  const processing = objectOf(value, ['Enabled', 'Processors'], where);
  if (!processing || booleanOf(processing['Enabled'], `${where}.Enabled`) === false) return {};
  const found: { transformer?: DeliveryConfig['transformer']; delimiter?: string } = {};
  for (const item of listOf(processing['Processors'], `${where}.Processors`)) {
    const processor = objectOf(item, ['Type', 'Parameters'], `${where}.Processors`)!;
    const parameters = parametersOf(processor['Parameters'], `${where}.Processors.Parameters`);
    if (processor['Type'] === 'Lambda') found.transformer = lambdaProcessor(parameters, where);
    else if (processor['Type'] === 'AppendDelimiterToRecord')
      found.delimiter = (parameters['Delimiter'] ?? '\\n').replace(/\\n/g, '\n').replace(/\\t/g, '\t');
    else throw new NotModelledError(`processor ${processor['Type']} of ${where}`);
  }
  return found;
}

function lambdaProcessor(
  parameters: Readonly<Record<string, string>>,
  where: string,
): NonNullable<DeliveryConfig['transformer']> {
  objectOf(
    parameters,
    ['LambdaArn', 'RoleArn', 'NumberOfRetries', 'BufferSizeInMBs', 'BufferIntervalInSeconds'],
    `${where}.Parameters`,
  );
  return {
    functionArn: requiredText(parameters['LambdaArn'], `${where}.LambdaArn`).replace(/:\$LATEST$/, ''),
    retries: Number(parameters['NumberOfRetries'] ?? 3),
    bufferBytes: Number(parameters['BufferSizeInMBs'] ?? 1) * megabyte,
  };
}

function parametersOf(value: unknown, where: string): Record<string, string> {
  return Object.fromEntries(
    listOf(value, where).map((item) => {
      const parameter = objectOf(item, ['ParameterName', 'ParameterValue'], where)!;
      return [requiredText(parameter['ParameterName'], where), requiredText(parameter['ParameterValue'], where)];
    }),
  );
}
