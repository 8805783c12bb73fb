import type { Template } from 'aws-cdk-lib/assertions';

/** A metric on a dashboard. */
export interface DashboardMetric {
  readonly namespace: string;
  readonly name: string;
  /** Parts that only CloudFormation knows are `<…>`. */
  readonly dimensions: Readonly<Record<string, string>>;
}

export interface DashboardBody {
  readonly widgets: readonly {
    readonly type: string;
    readonly properties: {
      readonly title?: string;
      readonly markdown?: string;
      readonly alarms?: readonly string[];
      readonly metrics?: readonly (readonly unknown[])[];
    };
  }[];
}

/** The dashboards of a template, with what only CloudFormation knows as `<…>`. */
export function dashboardsOf(template: Template): DashboardBody[] {
  return Object.values(template.findResources('AWS::CloudWatch::Dashboard')).map(({ Properties }) =>
    dashboardBody(Properties.DashboardBody),
  );
}

/** @param property DashboardBody, as a template has it */
export const dashboardBody = (property: unknown) => JSON.parse(flat(property as Joined)) as DashboardBody;

type Joined = string | { readonly 'Fn::Join': readonly [string, readonly unknown[]] };

const flat = (text: Joined): string =>
  typeof text === 'string'
    ? text
    : text['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : '<…>')).join(text['Fn::Join'][0]);

/** The metrics of all widgets. A metric of an expression counts, whether it is drawn or not. */
export function metricsOf({ widgets }: DashboardBody): DashboardMetric[] {
  const rows = widgets.flatMap(({ properties }) => properties.metrics ?? []);
  return rows.flatMap((row) => {
    const [namespace, name, ...rest] = row;
    if (typeof namespace !== 'string' || typeof name !== 'string') return [];
    const texts = rest.filter((part): part is string => typeof part === 'string');
    const pairs = Array.from({ length: texts.length / 2 }, (_, n) => [texts[2 * n]!, texts[2 * n + 1]!]);
    return [{ namespace, name, dimensions: Object.fromEntries(pairs) }];
  });
}

/** The searches of all widgets: CloudWatch finds their metrics when the dashboard is opened. */
export function searchesOf({ widgets }: DashboardBody): string[] {
  return widgets
    .flatMap(({ properties }) => properties.metrics ?? [])
    .flatMap(([first]) => {
      const { expression = '' } = typeof first === 'object' ? (first as { expression?: string }) : {};
      return expression.includes('SEARCH(') ? [expression] : [];
    });
}
