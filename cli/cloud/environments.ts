import { environments } from '../../environments';
import type { Environment } from '../../environments/environment';
import { Failure } from '../failure';

/**
 * @param asked the option or argument that names the environment
 * @throws Failure that lists the known environments
 */
export function findEnvironment(name: string, asked = '--environment'): Environment {
  const environment = environments.find((candidate) => candidate.name === name);
  if (environment) return environment;
  throw new Failure(`${asked} must be one of ${environments.map((known) => known.name).join(', ')}, got '${name}'`, 2);
}
