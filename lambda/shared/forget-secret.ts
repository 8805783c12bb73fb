import { clientSettings } from './client-settings';
import { forgetSecret } from './env';
import { type ForgetKeys, forgetKeys, withForgetKeys } from './forget-keys';
import type { Warehouse } from './warehouse';

/** Reads the secret, and derives the keys of a pipeline. */
export async function readForgetKeys(secretArn: string, pipeline: string): Promise<ForgetKeys> {
  // Loaded when it is needed: most functions never are.
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManagerClient(clientSettings());
  const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
  return forgetKeys(SecretString ?? '', pipeline);
}

/** The warehouse of a function, with the keys of marks if the function has the secret. */
export function withMarks<Port extends Pick<Warehouse, 'submit'>>(warehouse: Port, pipeline: string): Port {
  const secretArn = forgetSecret.read();
  return secretArn === undefined ? warehouse : withForgetKeys(warehouse, () => readForgetKeys(secretArn, pipeline));
}
