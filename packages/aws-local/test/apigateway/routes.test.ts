import { matchRoute, parseRouteKey } from '../../src/apigateway/routes';

const routes = (...keys: string[]) => keys.map((text) => ({ key: parseRouteKey(text) }));
const found = (keys: string[], method: string, path: string) => {
  const match = matchRoute(routes(...keys), method, path);
  return match && [match.route.key.text, match.values];
};

// The table of "Working with routes for HTTP APIs".
const documented = ['GET /pets/dog/1', 'GET /pets/dog/{id}', 'GET /pets/{proxy+}', 'ANY /{proxy+}', '$default'];

test.each([
  ['GET', '/pets/dog/1', ['GET /pets/dog/1', {}]],
  ['GET', '/pets/dog/2', ['GET /pets/dog/{id}', { id: '2' }]],
  ['GET', '/pets/cat/1', ['GET /pets/{proxy+}', { proxy: 'cat/1' }]],
  ['POST', '/test/5', ['ANY /{proxy+}', { proxy: 'test/5' }]],
])('%s %s finds the most specific route', (method, path, expected) => {
  expect(found(documented, method, path)).toEqual(expected);
  expect(found([...documented].reverse(), method, path)).toEqual(expected);
});

test.each([
  ['GET', '/v1', undefined],
  ['GET', '/v1/', undefined],
  ['POST', '/v1/a', ['ANY /v1/{rest+}', { rest: 'a' }]],
  ['GET', '/v1/a', ['GET /v1/{rest+}', { rest: 'a' }]],
  ['GET', '/V1/a', undefined],
  ['GET', '/x//y', undefined],
  ['GET', '/x/a/y', ['GET /x/{id}/y', { id: 'a' }]],
  ['GET', '/x/a/y/', undefined],
])('%s %s is %j', (method, path, expected) => {
  expect(found(['ANY /v1/{rest+}', 'GET /v1/{rest+}', 'GET /x/{id}/y'], method, path)).toEqual(expected);
});

test('$default takes what no other route takes', () => {
  expect(found(documented, 'GET', '/')).toEqual(['$default', {}]);
  expect(found(['GET /a', '$default'], 'POST', '/a')).toEqual(['$default', {}]);
});

test.each(['get /a', 'GET a', 'GET', '/a', 'TRACE /a', 'GET /a b'])('fails when the route key is %s', (key) => {
  expect(() => parseRouteKey(key)).toThrow('RouteKey must be $default, or one of ANY');
});

test('fails when a greedy variable is not the last, and for segments that are partly variable', () => {
  expect(() => parseRouteKey('GET /{all+}/end')).toThrow('must have its greedy variable in the last place');
  expect(() => parseRouteKey('GET /a-{id}')).toThrow(
    'a path segment like a-{id} in RouteKey GET /a-{id} is not modelled',
  );
});
