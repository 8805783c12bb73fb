/** What programs need that query a pipeline's tables. It loads no compiler, so that a command starts at once. */
export { quoteLiteral } from '../lambda/shared/quote';
export { isSkipReason, skipPrefix } from './merge/skip-reason';
export { isText } from './merge/text';
export { isWaiting } from './merge/waiting';
export { tableShapes } from './tables/columns';
export { isForeign } from './tables/foreign';
export { forgottenFilter, isForgotten, isLoadedHistory, replacedSource } from './tables/forgotten';
export { identityVersion } from './tables/identity';
export { landedHours } from './tables/landing';
export {
  completeUntil,
  isUnmerged,
  landingName,
  ofIdentity,
  ofLanding,
  ownerUser,
  pipelineTables,
  publicTables,
} from './tables/names';
export { daysOf, isExpired } from './tables/retention';
export { normalizeDefinition } from './text/definition';
export { quoteIdentifier } from './text/identifier';
