import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Extension, ExtensionBase } from 'aws-local';
import { createClock, type Principal } from 'aws-local-kit';
import type { Materialize } from './index';
import { type MaterializeSurroundings, type Peer, Refresh } from './refresh';

const host = 'localhost';

/**
 * Materialize of a runtime. It starts when the first function that connects to Materialize is deployed, and such functions
 * then find it, and trust its certificate, by their variables.
 */
export function materializeOf(base: ExtensionBase, surroundings: MaterializeSurroundings): Extension {
  const peers = new Map<string, Peer>();
  const clusters: string[] = [];
  const folder = join(base.dataDir, 'materialize');
  const clock = createClock({ start: Date.now(), rate: 1 });
  const refresh = new Refresh(base, surroundings, folder, peers);
  let server: Promise<Materialize> | undefined;
  const start = async () => {
    // Most environments have no Materialize, so they start without its modules.
    const { createMaterialize, materializeRole } = require('./index') as typeof import('./index');
    mkdirSync(folder, { recursive: true });
    const started: Materialize = await createMaterialize({
      s3: base.s3,
      sts: base.sts,
      // Statements take the time that they take, whatever the clock of the runtime does.
      clock,
      jumpRole: { kind: 'administrator', arn: materializeRole, account: materializeRole.split(':')[4]! },
      passwordOf: (user) => passwordOf(base, peers.values(), user),
      clusters,
      environmentId: environmentIdIn(folder),
      host,
      prepare: () => refresh.run(started),
    });
    writeFileSync(caFile(folder), started.ca);
    return started;
  };
  return {
    async functionVariables(own): Promise<Record<string, string>> {
      const peer = peerOf(own);
      if (!peer) return {};
      peers.set(peer.pipeline, peer);
      if (!clusters.includes(peer.cluster)) clusters.push(peer.cluster);
      server ??= start();
      const { port } = await server;
      return { MATERIALIZE_HOST: host, MATERIALIZE_PORT: String(port), NODE_EXTRA_CA_CERTS: caFile(folder) };
    },
    async dispose() {
      await (await server?.catch(() => undefined))?.dispose();
      clock.dispose();
    },
  };
}

const caFile = (folder: string) => join(folder, 'authority.pem');

function peerOf(own: Readonly<Record<string, string>>): Peer | undefined {
  if (own['MATERIALIZE_HOST'] === undefined) return undefined;
  const of = (name: string) => {
    const value = own[name];
    if (value === undefined) throw new Error(`a function with MATERIALIZE_HOST has no variable ${name}`);
    return value;
  };
  return {
    environment: of('ENVIRONMENT'),
    pipeline: of('PIPELINE'),
    cluster: of('MATERIALIZE_CLUSTER'),
    connection: of('MATERIALIZE_CONNECTION'),
    partner: of('MATERIALIZE_PREFIX').split('/')[1]!,
    secretArn: of('MATERIALIZE_SECRET_ARN'),
  };
}

/** Part of the external ids. It stays the same over restarts. */
function environmentIdIn(folder: string): string {
  const file = join(folder, 'environment-id');
  if (!existsSync(file)) writeFileSync(file, randomUUID());
  return readFileSync(file, 'utf8');
}

/** The password of a user, as the secret that the functions read has it. */
async function passwordOf(base: ExtensionBase, peers: Iterable<Peer>, user: string): Promise<string | undefined> {
  const { account } = base;
  const owner: Principal = { kind: 'administrator', arn: `arn:aws:iam::${account}:user/administrator`, account };
  for (const secretArn of new Set([...peers].map((peer) => peer.secretArn))) {
    const { username, password } = JSON.parse(await base.secrets.getSecretString(owner, secretArn));
    if (username === user) return password;
  }
  return undefined;
}
