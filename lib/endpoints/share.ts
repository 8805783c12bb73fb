import type { EndpointsOptions } from '../../environments/environment';

/** Calls a second that the Data API takes from an account in a region. AWS does not raise them (Redshift management guide, "Quotas for the Data API"). */
const dataApiCalls = { executeStatement: 30, getStatementResult: 20 } as const;

/**
 * Statements a second that all endpoints of an environment may start: half of what the Data API takes. Each statement of an endpoint needs one call of
 * both kinds. The functions that refresh, load and export have the other half, and repeat a throttled call.
 */
export const endpointStatementsPerSecond = Math.min(dataApiCalls.executeStatement, dataApiCalls.getStatementResult) / 2;

/**
 * Statements that an instance may start at once after a pause: a page with a few figures. If all instances do it together, the Data API needs three
 * seconds for them.
 */
export const statementBurst = 3;

/** An instance that may start fewer statements makes its callers wait for too long. */
const leastPerInstance = 0.5;

/** Instances among which the statements of all endpoints can be divided. A kept answer takes one for about 20 ms, so they answer 1,000 requests a second. */
export const mostInstances = endpointStatementsPerSecond / leastPerInstance;

export const defaultRequestsPerSecond = 500;

/** Instances of each function. @param functions how many stacks have a function for endpoints */
export const concurrencyOf = ({ concurrency }: EndpointsOptions = {}, functions: number): number =>
  concurrency ?? Math.max(1, Math.floor(mostInstances / functions));

/** Statements a second that each of the instances may start. */
export const statementsPerInstance = (concurrency: number, functions: number): number =>
  endpointStatementsPerSecond / (concurrency * functions);

/** Stacks of the pipelines that have endpoints, in their order; undefined is the main one. */
export const stacksWithEndpoints = (
  pipelines: readonly { readonly stack?: string; readonly endpoints?: readonly unknown[] }[],
): (string | undefined)[] => [
  ...new Set(pipelines.filter(({ endpoints = [] }) => endpoints.length > 0).map(({ stack }) => stack)),
];
