#!/usr/bin/env node
// In the repository only: the published package has its JavaScript in lib/.
require('tsx/cjs');
require('../src/main.ts');
