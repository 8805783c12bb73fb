import { findEnvironment } from '../cloud/environments';
import { Failure } from '../failure';

/** The environment may be named by an argument or, as for other commands, by an option. */
export function withEnvironment<Options extends { readonly environment?: string }>(
  named: string | undefined,
  options: Options,
): Options {
  if (named !== undefined) findEnvironment(named, 'environment');
  if (named !== undefined && options.environment !== undefined && named !== options.environment)
    throw new Failure(`environment is ${named}, but --environment is ${options.environment}; name it once`, 2);
  return { ...options, environment: named ?? options.environment };
}
