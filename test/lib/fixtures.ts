import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Environment, ServerlessWarehouse } from '../../environments/environment';
import { EnvironmentStage } from '../../lib/environment-stage';
import type { Bundles } from '../../lib/shared/bundles';
import { featureFlags } from '../../lib/shared/feature-flags';
import type { Pipeline } from '../../pipelines/definition';

/** Replaces the bundles, so that a stack is built without esbuild. */
export const noBundles: Bundles = { code: () => Code.fromInline('exports.handler = () => {}') };

export function shopPipeline(changes: Partial<Pipeline> = {}): Pipeline {
  return {
    name: 'shop',
    stream: { capacity: { mode: 'on-demand' }, retentionHours: 48 },
    identity: { by: 'columns', columns: ['message_id'] },
    columns: [
      { name: 'message_id', type: 'varchar', maxBytes: 64, path: ['messageId'], required: true },
      { name: 'happened_at', type: 'timestamp', path: ['timestamp'], required: true },
    ],
    history: [
      { name: 'logs', globs: ['shop-logs/*/*.gz'], format: 'ndjson', compression: 'gzip', overwritten: 'alarm' },
    ],
    refreshEveryMinutes: 5,
    views: [
      {
        name: 'hourly_visits',
        file: 'pipelines/shop/views/hourly_visits.sql',
        query:
          "select date_trunc('hour', happened_at) as hour, count(*) as visits from shop.events group by date_trunc('hour', happened_at)",
      },
    ],
    exports: [
      {
        name: 'visits',
        file: 'pipelines/shop/exports/visits.sql',
        query: 'select event_id, happened_at from shop.events',
        content: { kind: 'incremental', timeColumn: 'happened_at', window: 'hour' },
        format: { kind: 'parquet' },
      },
    ],
    ...changes,
  };
}

/** A pipeline with two endpoints, one of them for a tenant. */
export const servedPipeline = (changes: Partial<Pipeline> = {}): Pipeline =>
  shopPipeline({
    endpoints: [
      {
        name: 'visits',
        file: 'pipelines/shop/endpoints/visits.sql',
        query: 'select hour, visits from shop.hourly_visits where true [[ and hour >= :since ]] order by hour',
        params: { since: { type: 'timestamp' } },
      },
      {
        name: 'one_hour',
        file: 'pipelines/shop/endpoints/one_hour.sql',
        query: 'select hour, visits from shop.hourly_visits where hour = :hour',
        params: { hour: { type: 'timestamp' } },
        tenant: 'hour',
      },
    ],
    ...changes,
  });

export function testEnvironment(changes: Partial<Environment> = {}): Environment {
  return {
    name: 'test',
    warehouse: { kind: 'provisioned', nodeType: 'ra3.large', nodeCount: 2, snapshotRetentionDays: 3 },
    database: 'millrace',
    schedulesEnabled: true,
    reconcileEveryMinutes: 30,
    retainData: true,
    deletionProtection: false,
    logRetentionDays: 30,
    partners: [],
    ...changes,
  };
}

export interface Templates {
  readonly stage: EnvironmentStage;
  readonly data: Template;
  readonly pipelines: Template;
}

export function stageOf(
  changes: Partial<Environment>,
  pipelines: readonly Pipeline[],
  bundles: Bundles = noBundles,
): EnvironmentStage {
  const app = new App({ analyticsReporting: false, context: featureFlags });
  return new EnvironmentStage(app, { environment: testEnvironment(changes), pipelines, bundles });
}

const built = new Map<string, Templates>();

/** The templates of one environment. Built once for the same input, because tests only read them. */
export function templates(
  changes: Partial<Environment> = {},
  pipelines: readonly Pipeline[] = [shopPipeline()],
): Templates {
  const environment = testEnvironment(changes);
  const key = JSON.stringify([environment, pipelines]);
  const known = built.get(key);
  if (known) return known;
  const stage = stageOf(changes, pipelines);
  const made = { stage, data: Template.fromStack(stage.data), pipelines: Template.fromStack(stage.pipelines) };
  built.set(key, made);
  return made;
}

export const serverless: ServerlessWarehouse = { kind: 'serverless', baseCapacityRpus: 8, maxCapacityRpus: 32 };
