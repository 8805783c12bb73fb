#!/usr/bin/env node
require('tsx/cjs');
require('./app.ts');
