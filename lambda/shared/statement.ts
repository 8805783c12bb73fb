import { createHash } from 'node:crypto';
import type { StatementTemplate } from './plan';
import { quoteLiteral, quoteName } from './quote';

/** Values of placeholders. A number is quoted too: Redshift reads it as a literal of unknown type. */
export type Values = Readonly<Record<string, string | number>>;

const placeholder = /\{\{([^{}]*)\}\}/g;
const placeholderBody = /^([a-z][a-z0-9_]*)(:nested|:identifier)?$/;

/** The names of the placeholders in the templates. Throws on a misspelt one like `{{ x }}` or `{{x:raw}}`. */
export function placeholdersOf(...templates: readonly StatementTemplate[]): Set<string> {
  const names = new Set<string>();
  for (const template of templates)
    for (const [whole, body] of template.matchAll(placeholder)) names.add(parse(whole, body!).name);
  return names;
}

/** Fills in a statement. Throws unless every placeholder has a value and every value a placeholder. */
export function render(template: StatementTemplate, values: Values): string {
  return renderAll([template], values)[0]!;
}

/** Fills in several statements. Throws unless every placeholder has a value, and some statement uses every value. */
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

/** The values that the templates have placeholders for. Not every step of a plan uses, for example, the run id. */
export function asked(templates: readonly StatementTemplate[], offered: Values): Values {
  const wanted = placeholdersOf(...templates);
  return Object.fromEntries(Object.entries(offered).filter(([name]) => wanted.has(name)));
}

/** A token derived from the statement name: a repeated submission finds the first one. Redshift keeps a token for 8 hours. */
export const clientToken = (statementName: string) => createHash('sha256').update(statementName).digest('hex');

function parse(whole: string, body: string): { name: string; form: string | undefined } {
  const match = placeholderBody.exec(body);
  if (!match)
    throw new Error(`${whole} is not a placeholder: allowed are {{name}}, {{name:nested}} and {{name:identifier}}`);
  return { name: match[1]!, form: match[2] };
}
