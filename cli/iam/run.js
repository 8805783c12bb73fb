#!/usr/bin/env node
// Lists permissions that are never used: `npm run iam`.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
require('tsx/cjs');
require('./index.ts');
