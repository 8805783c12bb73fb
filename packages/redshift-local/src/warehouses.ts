import { rmSync } from 'node:fs';
import {
  AwsError,
  type Clock,
  type KinesisPort,
  NotModelledError,
  type Principal,
  type S3Port,
  type StsPort,
} from 'aws-local-kit';
import type { StatementFaults } from './data-api/faults';
import type { ReachableWarehouse } from './data-api/reachable';
import type { WarehouseTarget } from './data-api/records';
import { databaseFile } from './engine/database-file';
import { Engine } from './engine/engine';
import { WarehouseError } from './engine/errors';
import type { SystemViewLag } from './engine/session';
import type { Translate } from './statement';

export interface WarehousesOptions {
  /** Folder of the database files. */
  readonly directory: string;
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly sts: StsPort;
  readonly s3: S3Port;
  readonly kinesis: KinesisPort;
  readonly translate: Translate;
  /** DuckDB threads of each warehouse. @default - one per core, at most 8 */
  readonly threads?: number;
  /** True if the tables are small: statements are planned in less time, and large ones run slower. @default false */
  readonly smallData?: boolean;
  /** @default - no faults */
  readonly faults?: StatementFaults;
  /** When system views show what a transaction did. @default - at once */
  readonly systemViews?: () => SystemViewLag | undefined;
  /** Called for each warehouse before it accepts statements. */
  readonly onOpen?: (warehouse: ReachableWarehouse) => void;
}

/** A cluster or workgroup to open. */
export interface WarehouseDefinition {
  readonly target: WarehouseTarget;
  /** The part before `/<user>` in a database user's ARN. */
  readonly userScope: string;
  /** Name of the database file. A workgroup uses its namespace's name. */
  readonly storage: string;
  readonly database: string;
  readonly roleArns: readonly string[];
  readonly caseSensitiveIdentifiers: boolean;
  /** Node type of a cluster. A workgroup has none. */
  readonly nodeType?: string;
  /** RPUs of a workgroup. A cluster has none. */
  readonly baseCapacity?: number;
  /** Port on which a real cluster would listen. */
  readonly port?: number;
  readonly admin: { readonly name: string; password(): string };
}

/** The open warehouses of the account. */
export class Warehouses {
  private readonly open = new Map<string, ReachableWarehouse>();
  /** The latest definition of each open warehouse. */
  private readonly definitions = new Map<string, WarehouseDefinition>();

  constructor(private readonly options: WarehousesOptions) {}

  async create(definition: WarehouseDefinition): Promise<void> {
    const { target, database } = definition;
    const key = `${target.kind}/${target.name}`;
    if (this.open.has(key))
      throw new AwsError('ResourceExistsException', `${target.kind} ${target.name} already exists`);
    const engine = await Engine.open(
      {
        file: databaseFile(this.options.directory, definition.storage),
        threads: this.options.threads,
        smallData: this.options.smallData,
        database,
        clock: this.options.clock,
        s3: this.options.s3,
        kinesis: this.options.kinesis,
        translate: this.options.translate,
        assume: (roleArn, user) => this.assume(this.definitions.get(key) ?? definition, roleArn, user),
        caseSensitiveIdentifiers: definition.caseSensitiveIdentifiers,
        nodeType: definition.nodeType,
        scanFault: () => this.options.faults?.scan?.(),
        systemViews: this.options.systemViews,
        raising: () => this.options.faults?.raising?.() ?? [],
        interleaving: () => this.options.faults?.interleaving?.(),
      },
      definition.admin,
    );
    const warehouse = { target, database, engine };
    this.options.onOpen?.(warehouse);
    this.definitions.set(key, definition);
    this.open.set(key, warehouse);
  }

  /** Replaces the attached roles. @throws NotModelledError for a change that an open engine cannot apply */
  update(definition: WarehouseDefinition, where: string): void {
    const { kind, name } = definition.target;
    const known = this.definitions.get(`${kind}/${name}`);
    if (!known) throw new AwsError('ResourceNotFoundException', `${kind} ${name} does not exist`);
    for (const field of ['caseSensitiveIdentifiers', 'nodeType', 'database', 'storage'] as const)
      if (known[field] !== definition[field])
        throw new NotModelledError(
          `${where}: a change of ${field} from ${known[field]} to ${definition[field]} while it runs`,
        );
    if (known.admin.name !== definition.admin.name || known.admin.password() !== definition.admin.password())
      throw new NotModelledError(`${where}: a change of its administrator`);
    this.definitions.set(`${kind}/${name}`, definition);
  }

  /** Replaces the attached roles of a namespace's workgroups. */
  attachRoles(storage: string, roleArns: readonly string[]): void {
    for (const [key, definition] of this.definitions)
      if (definition.target.kind === 'workgroup' && definition.storage === storage)
        this.definitions.set(key, { ...definition, roleArns });
  }

  /** Deletes the warehouse and its data. */
  delete(kind: 'cluster' | 'workgroup', name: string): void {
    const key = `${kind}/${name}`;
    const definition = this.definitions.get(key);
    if (!definition) return;
    this.open.get(key)!.engine.close();
    this.open.delete(key);
    this.definitions.delete(key);
    const file = databaseFile(this.options.directory, definition.storage);
    for (const part of ['', '.wal']) rmSync(`${file}${part}`, { force: true });
  }

  /** Finds an open warehouse. @param name its name or ARN */
  find(kind: 'cluster' | 'workgroup', name: string): ReachableWarehouse | undefined {
    const named = this.open.get(`${kind}/${name}`);
    return named ?? this.all().find(({ target }) => target.kind === kind && target.arn === name);
  }

  all(): ReachableWarehouse[] {
    return [...this.open.values()];
  }

  definitionsOfAll(): WarehouseDefinition[] {
    return [...this.definitions.values()];
  }

  /** The definitions of the open warehouses of a kind. */
  defined(kind: 'cluster' | 'workgroup'): WarehouseDefinition[] {
    return [...this.definitions.values()].filter(({ target }) => target.kind === kind);
  }

  arnOf(kind: 'cluster' | 'workgroup', name: string): string {
    const { region, account } = this.options;
    return kind === 'cluster'
      ? `arn:aws:redshift:${region}:${account}:cluster:${name}`
      : `arn:aws:redshift-serverless:${region}:${account}:workgroup/${name}`;
  }

  close(): void {
    for (const { engine } of this.open.values()) engine.close();
    this.open.clear();
  }

  /** Assumes a role as Redshift does: the first of a chain must be attached, and the external id is the database user's ARN. Each role then assumes the next. */
  private assume(definition: WarehouseDefinition, chain: string, user: string): Principal {
    const { account, region, sts } = this.options;
    const [roleArn, ...more] = chain.split(',') as [string, ...string[]];
    // None of the modelled warehouse resources sets a default role.
    if (roleArn === 'default')
      throw new WarehouseError(
        `no default IAM role is set for the ${definition.target.kind} ${definition.target.name}`,
      );
    if (!definition.roleArns.includes(roleArn))
      throw new WarehouseError(
        `User arn:aws:redshift:${region}:${account}:dbuser:${definition.userScope}/${user} is not authorized to assume IAM Role ${roleArn}: it is not attached to the ${definition.target.kind} ${definition.target.name}`,
      );
    const service: Principal = { kind: 'service', arn: 'redshift.amazonaws.com', account };
    const externalId = `arn:aws:redshift:${region}:${account}:dbuser:${definition.userScope}/${user}`;
    const sessionName = 'RedshiftIamRoleSession';
    const first = sts.assumeRole(service, { roleArn, sessionName, externalId }).principal;
    return more.reduce((caller, next) => sts.assumeRole(caller, { roleArn: next, sessionName }).principal, first);
  }
}
