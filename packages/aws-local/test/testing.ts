/** For the tests of this repository's app; not published. */
export { Fixture } from './cloudformation/fixture';
export { base, turns } from './fakes';
export { type Services, startServices } from './services';
