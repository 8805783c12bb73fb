import { AwsError } from 'aws-local-kit';

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** What the SDK threw, as the service named it; an endpoint that does not answer is an error of that name too. */
export function awsErrorOf(service: string, error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  const { name = 'Error', message = '', code, $metadata } = error as SdkError;
  const status = $metadata?.httpStatusCode;
  const reason = message === '' ? (code ?? name) : message;
  return new AwsError(name, status === undefined ? `the ${service} endpoint: ${reason}` : reason, status ?? 503);
}
