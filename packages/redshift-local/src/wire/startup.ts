import { settings } from '../sql/settings';
import { WireError } from './errors';
import { MessageReader } from './messages';

/** What a client sends before it is asked for a password. */
export interface Startup {
  readonly user: string;
  readonly database: string;
  /** Session settings, by name. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** True for a client of Redshift's own, which can prove a password with a digest. */
  readonly speaksDigest: boolean;
  /** Options of newer protocol versions, which the server does not know. */
  readonly unknownOptions: readonly string[];
}

/** What the clients of Redshift tell about themselves. It changes nothing here. */
const aboutClient = new Set([
  'client_protocol_version',
  'driver_version',
  'os_version',
  'plugin_name',
  'driver_discovery_version',
  'provider_name',
  'idp_type',
  'replication',
]);

/** @param body fields after the version. @throws WireError that names the parameter */
export function readStartup(body: Buffer): Startup {
  const given = new Map<string, string>();
  const reader = new MessageReader(body);
  for (let name = reader.text(); name !== ''; name = reader.text()) given.set(name, reader.text());
  const user = given.get('user');
  if (!user) throw new WireError('28000', 'no user name specified in startup packet', true);
  const replication = given.get('replication') ?? 'false';
  if (!['false', 'off', 'no', '0'].includes(replication))
    throw new WireError('0A000', 'replication is not modelled by the local warehouse', true);
  return {
    user,
    database: given.get('database') || user,
    settings: [...given].flatMap(([name, value]) => settingsOf(name, value)),
    speaksDigest: given.has('client_protocol_version'),
    unknownOptions: [...given.keys()].filter((name) => name.startsWith('_pq_.')),
  };
}

function settingsOf(name: string, value: string): (readonly [string, string])[] {
  if (name === 'user' || name === 'database' || name.startsWith('_pq_.') || aboutClient.has(name)) return [];
  if (name === 'options') return readOptions(value);
  const known = name.toLowerCase();
  if (!Object.hasOwn(settings, known))
    throw new WireError('42704', `unrecognized configuration parameter "${name}"`, true);
  if (known === 'timezone') requireUtc(value);
  return [[known, value]];
}

/** JDBC drivers ask for the time zone of their machine. */
function requireUtc(zone: string): void {
  const { taken } = settings['timezone']!;
  if (Array.isArray(taken) && taken.includes(zone.toLowerCase())) return;
  throw new WireError(
    '0A000',
    `time zone ${JSON.stringify(zone)} is not supported by the local warehouse, whose sessions are in UTC: give Redshift's JDBC driver the property connectionTimezone=SERVER`,
    true,
  );
}

/** Reads `-c name=value` and `--name=value`, where a backslash keeps the next character. */
function readOptions(text: string): (readonly [string, string])[] {
  const words = (text.match(/(?:\\.|[^\s\\])+/gs) ?? []).map((word) => word.replace(/\\(.)/gs, '$1'));
  const found: (readonly [string, string])[] = [];
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i]!;
    const assignment = word === '-c' ? words[++i] : (/^(?:-c|--)(.+)$/s.exec(word)?.[1] ?? undefined);
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(assignment ?? '') ?? [];
    if (name === undefined || value === undefined)
      throw new WireError('42601', `option "${word}" is not modelled: options are like -c query_group=reports`, true);
    found.push(...settingsOf(name.replaceAll('-', '_'), value));
  }
  return found;
}
