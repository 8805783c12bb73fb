import { randomInt } from 'node:crypto';
import { booleanOf, integerOf, objectOf, textOf } from 'aws-local-kit';

const lowercase = 'abcdefghijklmnopqrstuvwxyz';
const uppercase = lowercase.toUpperCase();
const numbers = '0123456789';
const punctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/**
 * Generates the value that GenerateSecretString asks for.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-secretsmanager-secret-generatesecretstring.html
 */
export function generateSecretString(properties: unknown, where: string): string {
  const options =
    objectOf(
      properties,
      [
        'ExcludeCharacters',
        'ExcludeLowercase',
        'ExcludeNumbers',
        'ExcludePunctuation',
        'ExcludeUppercase',
        'GenerateStringKey',
        'IncludeSpace',
        'PasswordLength',
        'RequireEachIncludedType',
        'SecretStringTemplate',
      ],
      where,
    ) ?? {};
  const flag = (name: string) => booleanOf(options[name], `${where}.${name}`);
  const excluded = new Set(textOf(options['ExcludeCharacters'], `${where}.ExcludeCharacters`) ?? '');
  const types = [
    flag('ExcludeLowercase') ? '' : lowercase,
    flag('ExcludeUppercase') ? '' : uppercase,
    flag('ExcludeNumbers') ? '' : numbers,
    flag('ExcludePunctuation') ? '' : punctuation,
    flag('IncludeSpace') ? ' ' : '',
  ]
    .map((type) => [...type].filter((character) => !excluded.has(character)))
    .filter((type) => type.length > 0);
  const length = integerOf(options['PasswordLength'], `${where}.PasswordLength`, 1, 4096) ?? 32;
  const password = randomPassword(types, length, flag('RequireEachIncludedType') ?? true, where);

  const template = textOf(options['SecretStringTemplate'], `${where}.SecretStringTemplate`);
  const key = textOf(options['GenerateStringKey'], `${where}.GenerateStringKey`);
  if ((template === undefined) !== (key === undefined))
    throw new Error(`${where}: SecretStringTemplate and GenerateStringKey must be given together`);
  if (template === undefined || key === undefined) return password;
  let members: unknown;
  try {
    members = JSON.parse(template);
  } catch (cause) {
    throw new Error(`${where}.SecretStringTemplate must be a JSON object`, { cause });
  }
  if (typeof members !== 'object' || members === null || Array.isArray(members))
    throw new Error(`${where}.SecretStringTemplate must be a JSON object`);
  return JSON.stringify({ ...members, [key]: password });
}

function randomPassword(
  types: readonly (readonly string[])[],
  length: number,
  eachType: boolean,
  where: string,
): string {
  const all = types.flat();
  if (all.length === 0) throw new Error(`${where} excludes every character`);
  if (eachType && types.length > length)
    throw new Error(
      `${where}.PasswordLength must be at least ${types.length} to hold each included type, got ${length}`,
    );
  const pick = (from: readonly string[]) => from[randomInt(from.length)]!;
  const characters = eachType ? types.map(pick) : [];
  while (characters.length < length) characters.push(pick(all));
  for (let i = characters.length - 1; i > 0; i--) {
    const other = randomInt(i + 1);
    [characters[i], characters[other]] = [characters[other]!, characters[i]!];
  }
  return characters.join('');
}
