import type { Environment, ExportNotification, ProvisionedWarehouse } from '../../environments/environment';
import { environmentShape } from './environment-shape';
import { must, namedTwice, unknownNames } from './format';
import { partnerProblems } from './partners';
import { between, type Checked, check, isBetween } from './shape';

/** Names of pipelines and exports that environments refer to. */
export interface KnownNames {
  readonly pipelines: readonly string[];
  /** As `<pipeline>.<export>`. */
  readonly exports: readonly string[];
  /** Those that Materialize runs. */
  readonly materialize: readonly string[];
}

/**
 * @param at the environment in messages, as `environments.dev`
 * @param known undefined where the pipelines are too wrong to be referred to
 */
export function checkEnvironment(environment: Environment, at: string, known: KnownNames | undefined): Checked {
  const checked = check(environmentShape, environment, at);
  return { ...checked, problems: [...checked.problems, ...ruleProblems(environment, at, known, checked)] };
}

function ruleProblems(
  environment: Environment,
  at: string,
  known: KnownNames | undefined,
  { sound }: Checked,
): string[] {
  return [
    ...(sound('retainData') && sound('deletionProtection') ? protectionProblems(environment, at) : []),
    ...(sound('dropData') && sound('retainData') ? dropDataProblems(environment, at, known) : []),
    ...(sound('warehouse') ? warehouseProblems(environment, `${at}.warehouse`) : []),
    ...(known && sound('exportNotifications')
      ? (environment.exportNotifications ?? []).flatMap((notification, index) =>
          notificationProblems(notification, `${at}.exportNotifications[${index}]`, known),
        )
      : []),
    ...(known && sound('materialize') && sound('partners')
      ? materializeProblems(environment, `${at}.materialize`, known)
      : []),
    ...(sound('partners') ? partnerProblems(environment, at, known?.exports) : []),
  ];
}

function protectionProblems({ retainData, deletionProtection }: Environment, at: string): string[] {
  return must(
    retainData || !deletionProtection,
    `${at}.deletionProtection`,
    'be false where retainData is false',
    deletionProtection,
  );
}

function dropDataProblems({ retainData, dropData = [] }: Environment, at: string, known?: KnownNames): string[] {
  const field = `${at}.dropData`;
  return [
    ...namedTwice(field, dropData),
    ...(known ? unknownNames(field, 'pipelines', dropData, known.pipelines) : []),
    ...must(
      retainData || dropData.length === 0,
      field,
      'be left out where retainData is false, which drops everything',
      dropData,
    ),
  ];
}

/** Nodes of a cluster by type (Redshift management guide, "Node type details"). */
const nodeCounts: Record<ProvisionedWarehouse['nodeType'], { least: number; most: number }> = {
  'ra3.large': { least: 1, most: 16 },
  'ra3.xlplus': { least: 1, most: 32 },
  'ra3.4xlarge': { least: 2, most: 128 },
  'ra3.16xlarge': { least: 2, most: 128 },
};

function warehouseProblems({ warehouse }: Environment, at: string): string[] {
  if (warehouse.kind === 'serverless') {
    const { baseCapacityRpus: base, maxCapacityRpus: max = base } = warehouse;
    return must(max >= base, `${at}.maxCapacityRpus`, `not be below baseCapacityRpus, ${base}`, max);
  }
  const { nodeType, nodeCount } = warehouse;
  const { least, most } = nodeCounts[nodeType];
  return must(
    isBetween(nodeCount, least, most),
    `${at}.nodeCount`,
    `${between(least, most)} for ${nodeType}`,
    nodeCount,
  );
}

const notificationProblems = (notification: ExportNotification, at: string, known: KnownNames): string[] =>
  unknownNames(`${at}.export`, 'an export of the pipelines', [notification.export], known.exports);

function materializeProblems({ materialize, partners }: Environment, at: string, known: KnownNames): string[] {
  if (materialize === undefined)
    return known.materialize.length === 0
      ? []
      : [`${at} must be given, since Materialize copies ${known.materialize.join(', ')}`];
  const isWriter = partners.some(
    ({ name, who, access }) => name === materialize.partner && who.kind === 'materialize' && access.mode === 'write',
  );
  return must(isWriter, `${at}.partner`, 'be a partner of kind materialize with write access', materialize.partner);
}
