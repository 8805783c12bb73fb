import { createHash } from 'node:crypto';
import type { StatementTemplate } from './plan';
import { quoteLiteral, quoteName } from './quote';

/** What fills the placeholders: a number is quoted too, which Redshift reads as a literal of unknown type. */
export type Values = Readonly<Record<string, string | number>>;

const placeholder = /\{\{([^{}]*)\}\}/g;
const placeholderBody = /^([a-z][a-z0-9_]*)(:nested|:identifier)?$/;

/** The names of the placeholders in the templates. Throws on one that is misspelt, as `{{ x }}` or `{{x:raw}}`. */
export function placeholdersOf(...templates: readonly StatementTemplate[]): Set<string> {
  const names = new Set<string>();
  for (const template of templates)
    for (const [whole, body] of template.matchAll(placeholder)) names.add(parse(whole, body!).name);
  return names;
}

/** Fills in a statement. Every placeholder must be given and every value used: a leftover on either side is a mistake. */
export function render(template: StatementTemplate, values: Values): string {
  return renderAll([template], values)[0]!;
}

/** Fills in the statements of one step, where each value is used by at least one of them. */
export function renderAll(templates: readonly StatementTemplate[], values: Values): string[] {
  const wanted = placeholdersOf(...templates);
  const missing = [...wanted].filter((name) => !Object.hasOwn(values, name));
  if (missing.length > 0) throw new Error(`no value for the placeholders ${missing.join(', ')}`);
  const unused = Object.keys(values).filter((name) => !wanted.has(name));
  if (unused.length > 0) throw new Error(`no placeholder for the values ${unused.join(', ')}`);
  return templates.map((template) =>
    template.replace(placeholder, (whole, body: string) => {
      const { name, form } = parse(whole, body);
      if (form === ':identifier') return quoteName(String(values[name]));
      const literal = quoteLiteral(String(values[name]));
      return form === ':nested' ? quoteLiteral(literal).slice(1, -1) : literal;
    }),
  );
}

/** Of the values on offer, those that the templates ask for: steps of one plan need not all use the run id. */
export function asked(templates: readonly StatementTemplate[], offered: Values): Values {
  const wanted = placeholdersOf(...templates);
  return Object.fromEntries(Object.entries(offered).filter(([name]) => wanted.has(name)));
}

/** The same statement name gives the same token, so that a repeated submission finds the first. Redshift keeps a token for 8 hours. */
export const clientToken = (statementName: string) => createHash('sha256').update(statementName).digest('hex');

function parse(whole: string, body: string): { name: string; form: string | undefined } {
  const match = placeholderBody.exec(body);
  if (!match)
    throw new Error(`${whole} is not a placeholder: allowed are {{name}}, {{name:nested}} and {{name:identifier}}`);
  return { name: match[1]!, form: match[2] };
}
