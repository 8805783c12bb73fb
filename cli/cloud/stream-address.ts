/** The field of a Kinesis request that names a stream. A stream of another account is only found by its ARN. */
export const streamAddress = (stream: string): { StreamARN: string } | { StreamName: string } =>
  stream.startsWith('arn:') ? { StreamARN: stream } : { StreamName: stream };
