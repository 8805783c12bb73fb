/** One line when the rule is broken: the field, the rule, the value. */
export function must(holds: boolean, field: string, rule: string, got: unknown): string[] {
  return holds ? [] : [`${field} must ${rule}, got ${shown(got)}`];
}

export function repeated(field: string, names: readonly string[]): string[] {
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [...twice].map((name) => `${field} must have unique names, got ${name} more than once`);
}

export const shown = (value: unknown) => (value === '' ? "''" : String(value));
