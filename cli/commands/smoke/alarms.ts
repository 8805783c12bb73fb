import { CloudWatchClient, type MetricAlarm, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { clientSettings } from '../../../lambda/shared/client-settings';
import type { Credentials, Reach } from '../../cloud/partner-access';
import { type CheckResult, checkResult, unknownResult } from './check-result';

const EXPECTED = 'none in ALARM';

export async function alarms(environment: string, reach: Reach, credentials?: Credentials): Promise<CheckResult[]> {
  const client = new CloudWatchClient({ ...clientSettings(), ...reach, ...(credentials && { credentials }) });
  const all: MetricAlarm[] = [];
  try {
    // alarmName in lib/monitoring makes these names.
    const pages = paginateDescribeAlarms({ client }, { AlarmNamePrefix: `millrace ${environment} ` });
    for await (const { MetricAlarms = [] } of pages) all.push(...MetricAlarms);
  } catch (error) {
    return [unknownResult('alarms', EXPECTED, (error as Error).message)];
  } finally {
    client.destroy();
  }
  const raised = all.filter(({ StateValue }) => StateValue === 'ALARM').map(({ AlarmName }) => AlarmName!);
  if (all.length === 0) return [checkResult('alarms', EXPECTED, 'there are no alarms of this environment', false)];
  return [checkResult('alarms', EXPECTED, raised.join(', ') || `${all.length} alarms`, raised.length === 0)];
}
