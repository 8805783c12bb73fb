/** For the tests of this repository's app; not published. */
export { aggregate } from './aggregate';
