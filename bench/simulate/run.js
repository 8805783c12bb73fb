#!/usr/bin/env node
// Simulates how a pipeline catches up: `npm run simulate`.
require('tsx/cjs');
require('./index.ts').main(process.argv);
