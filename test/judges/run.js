#!/usr/bin/env node
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
require('tsx/cjs');
// `npm run judges -- corpus FILE…` runs the judge of the local warehouse's refusals, without more the deployment to an emulator.
const corpus = process.argv[2] === 'corpus';
if (corpus) process.argv.splice(2, 1);
require(corpus ? './corpus/judge.ts' : './ministack/judge.ts');
