import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dev } from '../../environments/dev';
import { pascalCase } from '../../lib/shared/names';
import { pipelines } from '../../pipelines';
import { templates } from '../lib/fixtures';
import { type CloudTemplate, resolveTemplates, rolesOf } from '../support/roles';

test('docs/security.md says of every role what an attacker could do with it', () => {
  const page = readFileSync(join(__dirname, '../../docs/security.md'), 'utf8');
  const table = page.slice(page.indexOf('| role |'), page.indexOf('Whoever may run statements'));
  const rows = table.split('\n').filter((line) => line.startsWith('| `'));
  const described = rows.flatMap((line) => [...line.split(' | ')[0]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
  const { data, pipelines: moving } = templates(dev, pipelines);
  const roles = rolesOf(resolveTemplates([data, moving].map((template) => template.toJSON() as CloudTemplate)));
  const partners = dev.partners.map(({ name }) => `Partner${pascalCase(name)}`);
  const general = roles.map(({ name }) => {
    const partner = partners.find((beginning) => name.startsWith(beginning));
    if (partner) return `Partner…${name.slice(partner.length)}`;
    const owner = pipelines
      .map((pipeline) => pascalCase(pipeline.name))
      .find((beginning) => name.startsWith(beginning));
    return owner ? `…${name.slice(owner.length)}` : name;
  });
  expect(described.sort()).toEqual([...new Set(general)].sort());
  for (const row of rows) expect(row.split(' | ')).toHaveLength(3);
});
