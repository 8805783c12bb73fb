import { dev } from '../../environments/dev';
import type { Environment } from '../../environments/environment';
import { prod } from '../../environments/prod';
import { staging } from '../../environments/staging';
import { pipelines } from '../../pipelines';
import { templates } from './fixtures';
import { readable } from './readable';

/** Resources by `<stack>/<logical id>`. */
type Texts = Record<string, string>;

function texts(environment: Environment): Texts {
  const { data, pipelines: moving } = templates(environment, pipelines);
  const ofStack = (stack: string, resources: Texts) =>
    Object.entries(resources).map(([id, text]) => [`${stack}/${id}`, text]);
  const all = JSON.stringify(
    Object.fromEntries([...ofStack('Data', readable(data)), ...ofStack('Pipelines', readable(moving))]),
  );
  return JSON.parse(all.replaceAll(new RegExp(`\\b${environment.name}\\b`, 'g'), '<env>'));
}

/** Resources that are added or changed in `one`, and those that are missing. */
function differences(one: Texts, other: Texts): Texts {
  const ids = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return Object.fromEntries(ids.filter((id) => one[id] !== other[id]).map((id) => [id, one[id] ?? 'absent']));
}

/** Prints texts without the escapes of an object snapshot. */
const page = (resources: Texts) =>
  Object.entries(resources)
    .map(([id, text]) => `${id}: ${text}`)
    .join('\n');

test('dev, whole', () => {
  expect(page(texts(dev))).toMatchSnapshot();
});

test('staging, where it differs from dev', () => {
  expect(page(differences(texts(staging), texts(dev)))).toMatchSnapshot();
});

test('prod, where it differs from staging', () => {
  expect(page(differences(texts(prod), texts(staging)))).toMatchSnapshot();
});
