// The SDK announces on every start that it will drop Node 20 some day; engines in package.json says what is supported here.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
// The CDK's CloudFormation rule engine takes two thirds of a synthesis. `npm run synth` runs it over every environment.
process.env.CDK_VALIDATION ??= 'false';

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test', '<rootDir>/packages'],
  testMatch: ['**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleFileExtensions: ['ts', 'js', 'json'],
  // Modules get these as parameters: Jest's global object is a proxy, and each look at it costs a tenth of a run.
  sandboxInjectedGlobals: [
    ...[
      'Array',
      'BigInt',
      'Boolean',
      'Error',
      'JSON',
      'Map',
      'Math',
      'Number',
      'Object',
      'Promise',
      'Proxy',
      'RangeError',
    ],
    ...['Reflect', 'RegExp', 'Set', 'String', 'Symbol', 'TypeError', 'Uint8Array', 'WeakMap', 'isNaN', 'parseInt'],
  ],
  testSequencer: '<rootDir>/test/run/sequencer.js',
  setupFiles: ['<rootDir>/test/run/record-statements.js'],
  globalSetup: '<rootDir>/test/run/set-up.ts',
  globalTeardown: '<rootDir>/test/run/tear-down.ts',
  testTimeout: 120_000,
  maxWorkers: 2,
};
