import recommended from 'aws-cdk-lib/recommended-feature-flags.json';

/** CDK's recommended behaviour, for the app and its tests alike. */
export const featureFlags: Record<string, unknown> = {
  ...recommended,
  // Stacks refer to each other by exports and imports, so CloudFormation refuses to remove what another stack still uses.
  '@aws-cdk/core:defaultCrossStackReferences': 'strong',
  // A template may have 1 MB, and indentation takes an eighth of it. Reviewers do not need it: `cdk synth` and `cdk diff` format the template themselves.
  '@aws-cdk/core:suppressTemplateIndentation': true,
};
