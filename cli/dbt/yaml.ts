import { stringify } from 'yaml';

/** A document of YAML. Long texts stay on one line, so that a change of a word is a change of one line. */
export const yamlText = (value: unknown) => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });

/** A text that dbt reads as it is: dbt renders every text of YAML as a template. */
export const plainText = (text: string) => text.replace(/\{(?=[{%#])/g, '{ ');

/** True for a text that dbt would render as a template. */
export const isTemplate = (text: string) => /\{[{%#]/.test(text);
