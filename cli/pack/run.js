#!/usr/bin/env node
// npm run pack:packages [-- <name> …]: builds packages/<name>/dist and the tarballs below build/packages.
require('tsx/cjs');
require('./pack.ts').main(process.argv.slice(2));
