#!/usr/bin/env node
// Prints the SQL of the tree, for an independent parser: `npm run sql`.
require('tsx/cjs');
require('./statements.ts');
