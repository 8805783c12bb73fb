#!/usr/bin/env node
// The SQL of the tree, for a parser that nobody here wrote: `npm run sql`.
require('tsx/cjs');
require('./statements.ts');
