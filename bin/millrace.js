#!/usr/bin/env node
// The SDK announces on every start that it will drop Node.js 20 some day. `engines` in package.json says what is
// supported here.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
// The warehouse keeps threads of the pool busy. Files and functions need some too.
process.env.UV_THREADPOOL_SIZE ??= '8';
require('tsx/cjs');
require('./millrace.ts');
