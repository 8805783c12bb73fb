import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { clientSettings } from '../shared/client-settings';
import { consoleLog } from '../shared/log';
import { embeddedMetrics } from '../shared/metrics';
import { readPlan } from '../shared/plan-file';
import { redshiftData, warehouseTarget } from '../shared/redshift-data';
import { redshiftStatus } from '../shared/redshift-status';
import { parseRunEvent } from '../shared/run-event';
import { env, type RefreshPlan } from './contract';
import { refresh } from './refresh';

const settings = env.read();
const target = warehouseTarget(settings);
const onEvent = refresh({
  environment: settings.ENVIRONMENT,
  plan: readPlan<RefreshPlan>(),
  warehouse: redshiftData(new RedshiftDataClient(clientSettings()), target, redshiftStatus(target)),
  log: consoleLog,
  metrics: embeddedMetrics(settings.ENVIRONMENT, settings.PIPELINE),
});

export const handler = (event: unknown) => onEvent(parseRunEvent(event));
