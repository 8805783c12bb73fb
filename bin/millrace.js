#!/usr/bin/env node
require('tsx/cjs');
require('./millrace.ts');
