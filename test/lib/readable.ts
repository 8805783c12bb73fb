import type { Template } from 'aws-cdk-lib/assertions';
import { dashboardBody } from '../support/dashboard';

interface Resource {
  readonly Type: string;
  readonly Properties?: Record<string, unknown>;
  readonly Metadata?: unknown;
}

/**
 * A template for reviewers, one text for each resource. Leaves out metadata, tags, asset hashes and statements (tested in `sql/`). Intrinsics are in braces;
 * values that fit are on one line.
 */
export function readable(template: Template): Record<string, string> {
  const { Resources, Outputs } = template.toJSON() as {
    Resources: Record<string, Resource>;
    Outputs?: Record<string, unknown>;
  };
  const texts = Object.entries(Resources).map(([id, { Metadata, ...resource }]) => [
    withoutHash(id),
    lines(asText(essential(resource))),
  ]);
  return { ...Object.fromEntries(texts), Outputs: lines(Object.keys(Outputs ?? {}).map(withoutHash)) };
}

const withoutHash = (logicalId: string) => logicalId.replace(/[0-9A-F]{8}$/, '');

function essential({ Properties = {}, ...resource }: Resource): object {
  const { Tags, Version, ...properties } = Properties;
  if (resource.Type === 'AWS::CloudWatch::Dashboard')
    return { ...resource, widgets: widgets(properties['DashboardBody']) };
  if (resource.Type !== 'Custom::WarehouseObject') return { ...resource, ...properties };
  const { name, kind, identity, members = {} } = properties;
  const named = (given: unknown) => String(given).replace(/_[0-9a-f]{8}$/, '_<hash>');
  return {
    ...resource,
    name: named(name),
    kind,
    ...(kind === 'group'
      ? {
          members: Object.values(members as Record<string, { kind: string; name: string }>).map(
            (member) => `${member.kind} ${named(member.name)}`,
          ),
        }
      : { identity }),
  };
}

/** One line a widget: its title and what it draws. */
const widgets = (body: unknown) =>
  dashboardBody(body).widgets.map(
    ({ type, properties: { title, metrics = [] } }) =>
      `${title ?? type}${metrics.length === 0 ? '' : `: ${metrics.map(shownMetric).join(', ')}`}`,
  );

const shownMetric = ([first, second]: readonly unknown[]) =>
  typeof first === 'string' ? `${first} ${second}` : ((first as { expression: string }).expression ?? '');

function asText(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/[0-9a-f]{64}/g, '<hash>');
  if (Array.isArray(value)) return value.map(asText);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== 'Version');
  const [name, content] = entries.length === 1 ? entries[0]! : ['', undefined];
  switch (name) {
    case 'Ref':
      return `{${withoutHash(content)}}`;
    case 'Fn::GetAtt':
      return `{${withoutHash(content[0])}.${content[1]}}`;
    case 'Fn::ImportValue':
      return `{import ${withoutHash(content)}}`;
    case 'Fn::Join':
      return content[1].map(asText).join(content[0]);
    default:
      return Object.fromEntries(
        entries.map(([key, inner]) => [key, key === 'DependsOn' ? inner.map(withoutHash) : asText(inner)]),
      );
  }
}

const width = 140;

function lines(value: unknown, indent = ''): string {
  const inline = inlined(value);
  if (indent.length + inline.length <= width || typeof value !== 'object' || value === null) return inline;
  const deeper = `${indent}  `;
  const inner = Array.isArray(value)
    ? value.map((item) => `${deeper}- ${lines(item, `${deeper}  `).trimStart()}`)
    : Object.entries(value).map(([key, item]) => `${deeper}${key}: ${lines(item, deeper)}`);
  return `\n${inner.join('\n')}`;
}

function inlined(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inlined).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, item]) =>
      typeof item === 'object' && !Array.isArray(item) ? `${key}: (${inlined(item)})` : `${key}: ${inlined(item)}`,
    )
    .join(', ');
}
