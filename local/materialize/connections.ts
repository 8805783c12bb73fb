import { AwsError, type Principal, type StsPort } from 'aws-local-kit';
import { SqlError } from './messages';

/** An AWS connection of Materialize. */
export interface AwsConnection {
  /** `u1`, `u2`, … */
  readonly id: string;
  readonly name: string;
  readonly roleArn: string;
  /** `mz_<environment>_<id>`: made by Materialize, nobody chooses it. */
  readonly externalId: string;
}

export interface ConnectionsOptions {
  /** UUID of the environment. */
  readonly environmentId: string;
  /** The role of the hosted service, which assumes the customers' roles. */
  readonly jumpRole: Principal;
  readonly sts: Pick<StsPort, 'assumeRole'>;
}

/** The AWS connections of one environment. */
export class Connections {
  readonly all: AwsConnection[] = [];

  constructor(private readonly options: ConnectionsOptions) {}

  create(name: string, roleArn: string): AwsConnection {
    if (this.all.some((connection) => connection.name === name))
      throw new SqlError(`connection "${name}" already exists`, '42710');
    if (!/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(roleArn))
      throw new SqlError(`invalid ASSUME ROLE ARN: ${roleArn}`, '22023');
    const id = `u${this.all.length + 1}`;
    const connection = { id, name, roleArn, externalId: `mz_${this.options.environmentId}_${id}` };
    this.all.push(connection);
    return connection;
  }

  /**
   * The connection of this name to this role, which is created if it is missing. `externalId` stands for the one that
   * the hosted service made: a role that trusts the hosted connection then trusts this one.
   * @default - an id of this environment
   */
  ensure(name: string, roleArn: string, externalId?: string): AwsConnection {
    const known = this.all.findIndex((connection) => connection.name === name);
    const { id } = known >= 0 ? this.all[known]! : this.create(name, roleArn);
    const connection = { id, name, roleArn, externalId: externalId ?? `mz_${this.options.environmentId}_${id}` };
    this.all[known >= 0 ? known : this.all.length - 1] = connection;
    return connection;
  }

  get(name: string): AwsConnection {
    const found = this.all.find((connection) => connection.name === name);
    if (!found) throw new SqlError(`unknown catalog item '${name}'`, '42704');
    return found;
  }

  /** The customer's role, assumed with the external id. */
  assume(connection: AwsConnection): Principal {
    try {
      return this.session(connection, connection.externalId);
    } catch (error) {
      throw awsError('failed to assume the role', error);
    }
  }

  /** As VALIDATE CONNECTION: the role opens with the external id, and does not open without it. */
  validate(connection: AwsConnection): void {
    this.assume(connection);
    try {
      this.session(connection, undefined);
    } catch (error) {
      if (error instanceof AwsError) return;
      throw error;
    }
    throw new SqlError('trust policy for AWS IAM role does not require an external ID', 'XX000');
  }

  private session({ roleArn, name }: AwsConnection, externalId: string | undefined): Principal {
    const { sts, jumpRole } = this.options;
    const sessionName = name
      .replace(/[^\w+=,.@-]/g, '-')
      .slice(0, 60)
      .padEnd(2, '-');
    return sts.assumeRole(jumpRole, { roleArn, sessionName, externalId }).principal;
  }
}

/** What AWS refused, in an error of Materialize's. Anything else is a fault of this program and goes on. */
export function awsError(what: string, error: unknown): unknown {
  return error instanceof AwsError ? new SqlError(`${what}: ${error.code}: ${error.message}`, 'XX000') : error;
}
