import { Match } from 'aws-cdk-lib/assertions';
import { assertConfiguration } from '../../lib/configuration';
import type { ExportDefinition } from '../../pipelines/definition';
import { shopPipeline, stacksOf, testEnvironment } from './fixtures';

const copied: ExportDefinition = {
  name: 'live',
  query: 'select id, sold_at from sales',
  file: 'exports/live.sql',
  engine: 'materialize',
  columns: [
    { name: 'id', type: 'text' },
    { name: 'sold_at', type: 'timestamp' },
  ],
  content: { kind: 'incremental', timeColumn: 'sold_at', window: 'hour', since: '2026-01-01' },
  format: { kind: 'parquet' },
};
