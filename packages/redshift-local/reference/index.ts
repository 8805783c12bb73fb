/** What redshift-local supports and refuses, as a page. */
export { commands, constructs, isSupportedCommand, isSupportedType, refusalOf } from './probes';
export { reference } from './reference';
