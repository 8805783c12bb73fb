import { AwsError } from 'aws-local-kit';

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/**
 * Converts an error of the SDK to an AwsError with the service's error name. An endpoint that does not answer gives an
 * AwsError too.
 */
export function awsErrorOf(service: string, error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  const { name = 'Error', message = '', code, $metadata } = error as SdkError;
  const status = $metadata?.httpStatusCode;
  const reason = message === '' ? (code ?? name) : message;
  return new AwsError(name, status === undefined ? `the ${service} endpoint: ${reason}` : reason, status ?? 503);
}
