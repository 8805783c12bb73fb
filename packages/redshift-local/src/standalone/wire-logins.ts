import { AwsError } from 'aws-local-kit';
import { WireError } from '../wire/errors';
import { openPrompt, proofOf, type WireLogins } from '../wire/logins';
import type { Clusters } from './clusters';

/** Name of the cluster whose databases the port serves. */
export const wireCluster = 'local';

/**
 * Lets every named user in that proves the secret access key of the data folder, as the Data API does. A user made by
 * CREATE USER proves its own password.
 * @param secretKey secret access key of the folder's first profile
 */
export function standaloneLogins(clusters: Clusters, secretKey: string): WireLogins {
  const engineOf = async (database: string) => {
    try {
      return (await clusters.find('cluster', wireCluster, database)).engine;
    } catch (error) {
      throw error instanceof AwsError ? new WireError('3D000', error.message, true) : error;
    }
  };
  return {
    async find(user, database) {
      // A database is made only for a client that has logged in.
      const isKnown = clusters.databases('cluster', wireCluster).includes(database);
      const engine = isKnown ? await engineOf(database) : undefined;
      const isOwn = engine?.user(user)?.superuser === false;
      return {
        proof: isOwn ? proofOf(engine, user) : { kind: 'clear', password: secretKey },
        async open(signal) {
          const own = await engineOf(database);
          await own.ensureUser(user, { superuser: true }, signal);
          return openPrompt(own, user);
        },
      };
    },
  };
}
