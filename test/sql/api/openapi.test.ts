import { execFileSync } from 'node:child_process';
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import type { Cell } from '../../../lambda/endpoint/render';
import { openApiDocument } from '../../../sql';
import { bearer, bodyOf, fakeEndpoints, row, settled } from '../../lambda/endpoint/host';
import { items } from './items';

const document = openApiDocument(items, { environment: 'dev' });
interface Nested {
  readonly [name: string]: Nested;
}
const read = (...path: string[]) => path.reduce((at, name) => at[name]!, document as unknown as Nested);

/** Validates with a package that has ES modules only, which Jest cannot load. */
const faultsOf = (value: unknown): unknown[] => {
  const script = `import { Validator } from '@seriousme/openapi-schema-validator';
    const chunks = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    const { valid, errors } = await new Validator().validate(JSON.parse(Buffer.concat(chunks).toString()));
    console.log(JSON.stringify(valid ? [] : [errors]));`;
  const input = JSON.stringify(value);
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { input }).toString());
};

test('the document is OpenAPI 3.1', () => {
  expect(faultsOf(document)).toEqual([]);
  expect(faultsOf({ ...document, paths: { '/x': { get: { responses: { 200: {} } } } } })).not.toEqual([]);
  expect(faultsOf(openApiDocument([], { environment: 'dev' }))).toEqual([]);
});

test('every endpoint has a path for each format and each kind of caller', () => {
  expect(Object.keys(read('paths')).filter((path) => path.includes('pageviews'))).toEqual([
    '/v1/pageviews/pages.json',
    '/v1/pageviews/pages.csv',
    '/v1/pageviews/pages.ndjson',
    '/iam/v1/pageviews/pages.json',
    '/iam/v1/pageviews/pages.csv',
    '/iam/v1/pageviews/pages.ndjson',
  ]);
  const ids = Object.values(read('paths')).map(({ get }) => get!['operationId']);
  expect(new Set(ids).size).toBe(ids.length);
});

test('parameters have their bounds; the tenant is none, because the token has it', () => {
  expect(read('paths', '/v1/estore/everything.json', 'get', 'parameters')).toEqual([
    { name: 'action', in: 'query', required: false, schema: { type: 'string', enum: ['view', 'cart'] } },
    {
      name: 'seen',
      in: 'query',
      required: true,
      description: 'From 0.',
      schema: { type: 'string', pattern: '^-?[0-9]{1,19}$' },
    },
    {
      name: 'price',
      in: 'query',
      required: false,
      description: 'From 0 to 99.5.',
      schema: { type: 'string', pattern: '^-?[0-9]{1,3}(\\.[0-9]{1,2})?$' },
    },
    { name: 'paid', in: 'query', required: false, schema: { type: 'boolean', default: true } },
    {
      name: 'day',
      in: 'query',
      required: false,
      description: 'Up to 2030-01-01.',
      schema: { type: 'string', format: 'date' },
    },
    {
      name: 'since',
      in: 'query',
      required: false,
      description: 'The first moment.',
      schema: { type: 'string', format: 'date-time', description: 'ISO 8601. Without an offset it is in UTC.' },
    },
  ]);
  expect(read('paths', '/v1/estore/revenue.json', 'get', 'parameters', '3', 'schema')).toEqual({
    type: 'integer',
    format: 'int32',
    minimum: 1,
    maximum: 1000,
    default: 100,
  });
});

describe('an answer has the form of the document', () => {
  const ajv = addFormats(new Ajv2020({ strict: false }));
  ajv.addSchema(document, 'doc');
  const schemaOf = (path: string, status: string, type: string) => {
    const pointer = (parts: string[]) =>
      parts.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
    const answers = read('paths', path, 'get', 'responses');
    const place = answers[status]!['$ref']
      ? ['components', 'responses', status, 'content', type, 'schema']
      : ['paths', path, 'get', 'responses', status, 'content', type, 'schema'];
    return ajv.getSchema(`doc#/${pointer(place)}`)!;
  };
  const everything: Cell[] = [1, '9', Number.NaN, true, '2026-11-21', '2026-11-21 10:00:00+00', '[1]', 'x', '1.50'];
  const { world, get } = fakeEndpoints({ items: [...items] });

  test.each([
    ['revenue', '?since=2026-11-21', {}, [row(), [null, null, null, null]]],
    ['everything', '?seen=1', { fixed_params: { customer_id: 'c7' } }, [everything, everything.map(() => null)]],
  ])('200 of %s', async (name, query, claims, rows) => {
    world.freshness = settled();
    world.outcome = () => ({ rows });
    const answer = await get(`/v1/estore/${name}.json${query}`, {
      headers: bearer({ scopes: ['estore.*'], ...claims }),
    });
    expect(answer.statusCode).toBe(200);
    const validate = schemaOf(`/v1/estore/${name}.json`, '200', 'application/json');
    validate(bodyOf(answer));
    expect(validate.errors).toBeNull();
    validate({ ...bodyOf(answer), rows: '1' });
    expect(validate.errors).not.toBeNull();
  });

  test.each([
    ['400', '?limit=x', bearer()],
    ['401', '', {}],
    ['403', '', bearer({ scopes: ['other.*'] })],
  ])('%s', async (status, query, headers) => {
    const answer = await get(`/v1/estore/revenue.json${query}`, { headers });
    expect(`${answer.statusCode}`).toBe(status);
    const validate = schemaOf('/v1/estore/revenue.json', status, 'application/problem+json');
    validate(bodyOf(answer));
    expect(validate.errors).toBeNull();
  });
});
