/** The live page: it shows a running environment in a browser. `docs/page.md` describes it. */
export { pageAddress, readAccess } from './access';
export { type Page, servePage } from './server';
export { type Calls, Refusal, type Source } from './source';
