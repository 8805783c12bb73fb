#!/usr/bin/env node
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
require('tsx/cjs');
// `npm run judges -- corpus FILE…` judges the local warehouse, `npm run judges -- kinesis` the Kinesis reader.
// Without an argument, `npm run judges` judges a deployment to an emulator.
const name = ['corpus', 'kinesis'].find((judge) => judge === process.argv[2]);
if (name) process.argv.splice(2, 1);
require(`./${name ?? 'ministack'}/judge.ts`);
