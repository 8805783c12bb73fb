#!/usr/bin/env node
// Plays random faults against the pipeline: see test/faults/command.ts.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
require('tsx/cjs');
require('./command.ts');
