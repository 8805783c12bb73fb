import { NotModelledError } from 'aws-local-kit';

/** `GET /v1/{proxy+}`, or the route that takes everything else. */
export interface RouteKey {
  readonly text: string;
  /** `ANY` takes every method. Undefined for `$default`. */
  readonly method?: string;
  readonly segments: readonly Segment[];
}

/** A word, a variable for one segment, or, as the last one, a variable for all that remain. */
type Segment =
  | { readonly word: string }
  | { readonly variable: string }
  | { readonly variable: string; readonly greedy: true };

const methods = ['ANY', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];

/** @throws Error naming the route key if API Gateway would refuse it */
export function parseRouteKey(text: string): RouteKey {
  if (text === '$default') return { text, segments: [] };
  const [, method = '', path] = /^([A-Z]+) (\/\S*)$/.exec(text) ?? [];
  if (path === undefined || !methods.includes(method))
    throw new Error(
      `RouteKey must be $default, or one of ${methods.join(', ')}, a space and a path, got ${JSON.stringify(text)}`,
    );
  const segments = segmentsOf(path).map((part): Segment => {
    const [, variable, plus] = /^\{([A-Za-z0-9._-]+)(\+)?\}$/.exec(part) ?? [];
    if (variable === undefined) {
      if (/[{}]/.test(part)) throw new NotModelledError(`a path segment like ${part} in RouteKey ${text}`);
      return { word: part };
    }
    return plus ? { variable, greedy: true } : { variable };
  });
  if (segments.some((segment, at) => 'greedy' in segment && at < segments.length - 1))
    throw new Error(`RouteKey ${text} must have its greedy variable in the last place`);
  return { text, method, segments };
}

/** The values of a route's variables if the request is one of the route. Both paths are compared decoded. */
function valuesOf(route: RouteKey, method: string, segments: readonly string[]): Record<string, string> | undefined {
  if (route.method === undefined) return {};
  if (route.method !== 'ANY' && route.method !== method) return undefined;
  const values: Record<string, string> = {};
  for (const [at, segment] of route.segments.entries()) {
    const given = segments[at];
    if (given === undefined) return undefined;
    if ('word' in segment) {
      if (segment.word !== given) return undefined;
      continue;
    }
    if (given === '') return undefined;
    if ('greedy' in segment) {
      values[segment.variable] = segments.slice(at).join('/');
      return values;
    }
    values[segment.variable] = given;
  }
  return segments.length === route.segments.length ? values : undefined;
}

export interface Match<R> {
  readonly route: R;
  readonly values: Readonly<Record<string, string>>;
}

/**
 * The most specific route: words before variables before greedy variables, from the left, then the method before `ANY`, and
 * `$default` last.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 * @param path decoded, with its slash
 */
export function matchRoute<R extends { readonly key: RouteKey }>(
  routes: Iterable<R>,
  method: string,
  path: string,
): Match<R> | undefined {
  const segments = segmentsOf(path);
  let best: Match<R> | undefined;
  for (const route of routes) {
    const values = valuesOf(route.key, method, segments);
    if (values && (best === undefined || isMoreSpecific(route.key, best.route.key))) best = { route, values };
  }
  return best;
}

function isMoreSpecific(one: RouteKey, other: RouteKey): boolean {
  if (one.method === undefined || other.method === undefined) return one.method !== undefined;
  for (let at = 0; at < Math.max(one.segments.length, other.segments.length); at++) {
    const difference = rank(one.segments[at]) - rank(other.segments[at]);
    if (difference !== 0) return difference < 0;
  }
  return one.method !== 'ANY' && other.method === 'ANY';
}

function rank(segment: Segment | undefined): number {
  if (segment === undefined) return 3;
  if ('word' in segment) return 0;
  return 'greedy' in segment ? 2 : 1;
}

const segmentsOf = (path: string): string[] => path.slice(1).split('/');
