import recommended from 'aws-cdk-lib/recommended-feature-flags.json';

/** CDK's recommended behaviour, for the app and its tests alike. */
export const featureFlags: Record<string, unknown> = {
  ...recommended,
  // Exports and imports: CloudFormation refuses to remove what the other stack still uses.
  '@aws-cdk/core:defaultCrossStackReferences': 'strong',
  // A template may have 1 MB, and the indentation is an eighth of it. It only helps whoever opens the file: `cdk synth` and `cdk diff` show YAML and texts.
  '@aws-cdk/core:suppressTemplateIndentation': true,
};
