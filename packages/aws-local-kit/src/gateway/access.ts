import type { IncomingHttpHeaders } from 'node:http';
import { isSame } from './signature';

/**
 * Says why a request is refused; undefined if it is not. A page of any site can send requests to a port of this machine,
 * and can make its own name point to 127.0.0.1. So the Host must be a name of this machine, and an Origin, where a
 * browser sends one, must be that Host.
 * @param isOurs says whether the Host, with its port, is a name of the server. @default - any name of this machine
 */
export function refusalOf(headers: IncomingHttpHeaders, isOurs = isThisMachine): string | undefined {
  const host = headers.host ?? (headers[':authority'] as string | undefined) ?? '';
  if (!isOurs(host))
    return `Host must be 127.0.0.1, localhost, [::1] or a name that ends in .localhost, got ${JSON.stringify(host.slice(0, 100))}`;
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${host}`) return 'Origin must be that of the server itself';
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'Sec-Fetch-Site must be same-origin';
  return undefined;
}

const isThisMachine = (host: string): boolean =>
  /^(?:127\.0\.0\.1|\[::1\]|(?:[a-z0-9-]+\.)*localhost)(?::\d{1,5})?$/i.test(host);

/** True if the request has the token in its Authorization header. */
export function hasToken(headers: { readonly authorization?: string }, token: string): boolean {
  const [, given = ''] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? [];
  return isSame(given, token);
}
