import type { Environment } from './environment';
import { must } from './problems';

/** @param wanted exports of the engine `materialize`, as `<pipeline>.<export>` */
export function materializeProblems({ name, materialize, partners }: Environment, wanted: readonly string[]): string[] {
  const at = `environments.${name}.materialize`;
  if (materialize === undefined)
    return wanted.length === 0 ? [] : [`${at} must be given, since Materialize copies ${wanted.join(', ')}`];
  const { host, port, database, user, cluster, connection, partner } = materialize;
  const isName = (value: string) => value.length > 0 && value.length <= 255 && !value.includes('\0');
  return [
    ...must(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(host), `${at}.host`, 'be a host name', host),
    ...must(
      port === undefined || (Number.isInteger(port) && port > 0 && port < 65_536),
      `${at}.port`,
      'be between 1 and 65535',
      port,
    ),
    ...must(database === undefined || isName(database), `${at}.database`, 'be a name', database),
    ...must(isName(user), `${at}.user`, 'be a name', user),
    ...must(isName(cluster), `${at}.cluster`, 'be a name', cluster),
    ...must(isName(connection), `${at}.connection`, 'be a name', connection),
    ...must(
      partners.some(
        ({ name, who, access }) => name === partner && who.kind === 'materialize' && access.mode === 'write',
      ),
      `${at}.partner`,
      'be a partner of kind materialize with write access',
      partner,
    ),
  ];
}
