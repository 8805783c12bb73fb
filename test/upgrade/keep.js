// Keeps the assembly of this tree as a release: node test/upgrade/keep.js
require('tsx/cjs');
require('./keep.ts');
