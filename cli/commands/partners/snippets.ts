import type { Partner } from '../../../environments/environment';
import type { ExportFormat } from '../../../pipelines/definition';

/** Facts that a partner has to know. */
export interface OnboardingFacts {
  readonly partner: string;
  readonly environment: string;
  readonly roleArn: string;
  /** Empty while awaited; two ids during a rotation, the newer one last. */
  readonly externalIds: readonly string[];
  readonly principal: string | null;
  readonly bucket: string;
  readonly region: string;
  readonly prefixes: readonly string[];
  /** Formats of the files below each prefix, in their order. Empty for a partner that writes. */
  readonly formats: readonly ExportFormat['kind'][];
  readonly access: 'read' | 'write';
  readonly until: string | null;
}

/** Returns what to paste into the partner's own system. */
export function snippet({ who, access }: Partner, facts: OnboardingFacts): string {
  const body = { aws, snowflake, databricks, materialize }[who.kind](facts);
  const title = { aws: 'AWS CLI', snowflake: 'Snowflake', databricks: 'Databricks', materialize: 'Materialize' }[
    who.kind
  ];
  return `## ${title}: ${access.mode === 'read' ? 'reading' : 'writing'}\n\n${body}`;
}

const idOf = ({ externalIds }: OnboardingFacts) => externalIds.at(-1) ?? '<external id>';
const urlOf = ({ bucket }: OnboardingFacts, prefix: string) => `s3://${bucket}/${prefix}`;
const block = (language: string, lines: readonly string[]) => [`\`\`\`${language}`, ...lines, '```'].join('\n');

function aws(facts: OnboardingFacts): string {
  const [prefix] = facts.prefixes as [string];
  const assume = [
    '# needs the AWS CLI and jq; run it as the principal above',
    `export AWS_REGION=${facts.region}`,
    'session=$(aws sts assume-role \\',
    `  --role-arn ${facts.roleArn} \\`,
    `  --external-id '${idOf(facts)}' \\`,
    '  --role-session-name millrace --query Credentials --output json)',
    'export AWS_ACCESS_KEY_ID=$(jq -r .AccessKeyId <<<"$session")',
    'export AWS_SECRET_ACCESS_KEY=$(jq -r .SecretAccessKey <<<"$session")',
    'export AWS_SESSION_TOKEN=$(jq -r .SessionToken <<<"$session")',
  ];
  const read = [
    '# the newest complete run, below the current folder',
    `aws s3 cp ${urlOf(facts, `${prefix}latest.json`)} latest.json`,
    `jq -r '.files[]' latest.json | while IFS= read -r key; do`,
    `  aws s3 cp "s3://${facts.bucket}/$key" "$key"`,
    'done',
  ];
  return block('sh', [
    ...assume,
    ...(facts.access === 'read' ? read : [`aws s3 cp report.csv ${urlOf(facts, prefix)}`]),
  ]);
}

const snowflakeFormats: Record<ExportFormat['kind'], string> = {
  parquet: '(TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE',
  json: '(TYPE = JSON) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE',
  csv: "(TYPE = CSV PARSE_HEADER = TRUE FIELD_OPTIONALLY_ENCLOSED_BY = '\"') MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE",
};

/**
 * For Snowflake: "CREATE STORAGE INTEGRATION", "Querying data in staged files", "COPY INTO <table>" and "COPY INTO
 * <location>".
 */
function snowflake(facts: OnboardingFacts): string {
  const locations = facts.prefixes.map((prefix) => `'${urlOf(facts, prefix)}'`).join(', ');
  const given = facts.externalIds.length > 0 ? [`  STORAGE_AWS_EXTERNAL_ID = '${idOf(facts)}'`] : [];
  const [prefix] = facts.prefixes as [string];
  const use =
    facts.access === 'read'
      ? [
          'CREATE FILE FORMAT millrace_json TYPE = JSON;',
          '-- the files of the newest complete run, as COPY wants them: relative to the stage',
          `SELECT REPLACE(f.value::STRING, '${prefix}') AS file`,
          "  FROM @millrace/latest.json (FILE_FORMAT => 'millrace_json') l, LATERAL FLATTEN(INPUT => l.$1:files) f;",
          "COPY INTO my_table FROM @millrace FILES = ('<file>', '<file>')",
          `  FILE_FORMAT = ${snowflakeFormats[facts.formats[0]!]};`,
        ]
      : ['COPY INTO @millrace FROM my_table FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE;'];
  return block('sql', [
    'CREATE STORAGE INTEGRATION millrace',
    '  TYPE = EXTERNAL_STAGE',
    "  STORAGE_PROVIDER = 'S3'",
    '  ENABLED = TRUE',
    `  STORAGE_AWS_ROLE_ARN = '${facts.roleArn}'`,
    ...given,
    `  STORAGE_ALLOWED_LOCATIONS = (${locations});`,
    'DESC INTEGRATION millrace;',
    '',
    `CREATE STAGE millrace URL = '${urlOf(facts, prefix)}' STORAGE_INTEGRATION = millrace;`,
    ...use,
  ]);
}

/**
 * For Databricks: "Create a storage credential for connecting to AWS S3", "CREATE EXTERNAL LOCATION" and "read_files".
 */
function databricks(facts: OnboardingFacts): string {
  const [prefix] = facts.prefixes as [string];
  const steps =
    'In Catalog Explorer, External data, Credentials: create a storage credential of type AWS IAM role with the ARN above; its external id is ' +
    'the one that the role has to demand. Then:';
  const options = { parquet: '', json: '', csv: ', header => true' }[facts.formats[0] ?? 'parquet'];
  return `${steps}\n\n${block('sql', [
    `CREATE EXTERNAL LOCATION millrace URL '${urlOf(facts, prefix)}' WITH (STORAGE CREDENTIAL millrace);`,
    ...(facts.access === 'read'
      ? [
          '-- the files of the newest complete run',
          `SELECT concat('s3://${facts.bucket}/', file) AS file FROM`,
          `  (SELECT explode(files) AS file FROM read_files('${urlOf(facts, `${prefix}latest.json`)}', format => 'json', multiLine => true));`,
          `SELECT * FROM read_files('<file>', format => '${facts.formats[0]}'${options});`,
        ]
      : [`INSERT OVERWRITE DIRECTORY '${urlOf(facts, prefix)}' USING parquet SELECT * FROM my_table;`]),
  ])}`;
}

/** For Materialize: "AWS connections", "COPY TO" and "COPY FROM". */
function materialize(facts: OnboardingFacts): string {
  const [prefix] = facts.prefixes as [string];
  const format = facts.formats[0];
  const use =
    facts.access === 'write'
      ? [
          '-- a path of its own for every run: COPY TO refuses one that is not empty',
          `COPY my_view TO '${urlOf(facts, `${prefix}2026-01-31`)}'`,
          "  WITH (AWS CONNECTION = millrace, FORMAT = 'parquet');",
        ]
      : format === 'json'
        ? ['-- COPY FROM reads CSV and Parquet; these files are JSON']
        : [
            '-- each file that latest.json names',
            `COPY INTO my_table FROM 's3://${facts.bucket}/<file>'`,
            `  (FORMAT ${format === 'csv' ? 'CSV, HEADER = true' : 'PARQUET'}, AWS CONNECTION = millrace);`,
          ];
  return block('sql', [
    `CREATE CONNECTION millrace TO AWS (ASSUME ROLE ARN = '${facts.roleArn}');`,
    '-- when we have the external id:',
    'VALIDATE CONNECTION millrace;',
    ...use,
  ]);
}
