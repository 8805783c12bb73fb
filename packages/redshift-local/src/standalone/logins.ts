import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { AwsError } from 'aws-local-kit';
import {
  credentialsOf,
  identityUser,
  type Login,
  type LoginRequest,
  type Logins,
  madeAtLogin,
  wrongPassword,
} from '../data-api/logins';
import { administrator } from './clusters';
import { awsErrorOf } from './remote-error';

/**
 * Lets every named user in. A user that does not exist is created at its first login, as a superuser. A user made by
 * CREATE USER has only the rights that were granted to it. A password is checked only if it comes from a secret that
 * can be looked up.
 */
export class OpenLogins implements Logins {
  constructor(private readonly secrets?: SecretsManagerClient) {}

  async login({ principal, warehouse, secretArn, dbUser }: LoginRequest): Promise<Login> {
    const { engine } = warehouse;
    if (secretArn === undefined || this.secrets === undefined) {
      const user = secretArn === undefined ? (dbUser ?? identityUser(principal)) : administrator;
      return { user, connect: (signal) => madeAtLogin(engine, user, true, signal) };
    }
    const { user, password } = credentialsOf(secretArn, await this.secretString(secretArn));
    return {
      user,
      async connect(signal) {
        await engine.ensureUser(user, { superuser: true, password }, signal);
        return engine.authenticate(user, password) ? undefined : wrongPassword(user);
      },
    };
  }

  private async secretString(SecretId: string): Promise<string> {
    try {
      const { SecretString } = await this.secrets!.send(new GetSecretValueCommand({ SecretId }));
      if (SecretString !== undefined) return SecretString;
    } catch (error) {
      throw awsErrorOf('Secrets Manager', error);
    }
    throw new AwsError('ValidationException', `secret ${SecretId} has no SecretString`);
  }
}
