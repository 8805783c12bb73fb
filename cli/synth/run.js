#!/usr/bin/env node
require('tsx/cjs');
require('./synth.ts');
