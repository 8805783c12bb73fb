import { onboarding } from '../../../cli/commands/partners/onboarding';
import type { PartnerSite } from '../../../cli/commands/partners/site';
import { dev } from '../../../environments/dev';
import type { Partner } from '../../../environments/environment';

const site: PartnerSite = {
  environment: dev,
  reach: {},
  account: '555555555555',
  region: 'eu-west-1',
  data: { ExportsBucketName: 'the-bucket' },
  pipelines: {},
};
const id = 'an-external-id-of-theirs';
const partner = (changes: Partial<Partner> = {}): Partner => ({
  name: 'reader',
  who: { kind: 'aws', principal: 'arn:aws:iam::111122223333:role/reader' },
  access: { mode: 'read', exports: ['estore.purchases', 'estore.hourly_revenue'] },
  externalId: { kind: 'given', values: [id] },
  ...changes,
});
const page = (changes: Partial<Partner> = {}, ids: readonly string[] = [id]) => onboarding(site, partner(changes), ids);

test('has every fact, on the page and as JSON', () => {
  const { text, facts } = page({ until: '2027-03-31' });
  expect(facts).toEqual({
    partner: 'reader',
    environment: 'dev',
    roleArn: 'arn:aws:iam::555555555555:role/millrace-dev-reader',
    externalIds: [id],
    principal: 'arn:aws:iam::111122223333:role/reader',
    bucket: 'the-bucket',
    region: 'eu-west-1',
    prefixes: ['exports/estore/purchases/', 'exports/estore/hourly_revenue/'],
    formats: ['parquet', 'csv'],
    access: 'read',
    until: '2027-03-31',
  });
  for (const fact of [facts.roleArn, id, facts.principal!, facts.bucket, facts.region, ...facts.prefixes, '2027-03-31'])
    expect(text).toContain(fact);
  expect(text).not.toContain('still need');
});

test.each<[string, Partial<Partner>, RegExp]>([
  ['an external id', { externalId: { kind: 'awaited' } }, /Choose an id of at least 20 random characters/],
  ['a user of Snowflake', { who: { kind: 'snowflake' } }, /STORAGE_AWS_IAM_USER_ARN/],
  ['an id of Databricks', { who: { kind: 'databricks' }, externalId: { kind: 'awaited' } }, /shows its external id/],
  ['an id of Materialize', { who: { kind: 'materialize' }, externalId: { kind: 'awaited' } }, /mz_aws_connections/],
])('says where %s is found that we still need, and nothing that could be mistaken for it', (_, changes, where) => {
  const { text, facts } = page(changes, []);
  expect(text).toMatch(/What we still need\n\nThe role trusts nobody yet/);
  expect(text).toMatch(where);
  expect(facts.externalIds).toEqual([]);
  expect(text).not.toMatch(/PENDING|\| external id/);
});

test.each<[Partner['who'], Partner['access']['mode'], RegExp[]]>([
  [
    { kind: 'aws', principal: 'arn:aws:iam::111122223333:root' },
    'write',
    [/aws s3 cp report.csv s3:\/\/the-bucket\/partners\/reader\//],
  ],
  [
    { kind: 'snowflake', userArn: 'arn:aws:iam::111122223333:user/s' },
    'read',
    [
      /STORAGE_AWS_EXTERNAL_ID = 'an-external-id-of-theirs'/,
      /STORAGE_ALLOWED_LOCATIONS = \('s3:\/\/the-bucket\/exports\/estore\/purchases\/', /,
      /FILE_FORMAT = \(TYPE = PARQUET\)/,
    ],
  ],
  [{ kind: 'snowflake', userArn: 'arn:aws:iam::111122223333:user/s' }, 'write', [/COPY INTO @millrace FROM my_table/]],
  [
    { kind: 'databricks' },
    'read',
    [
      /CREATE EXTERNAL LOCATION millrace URL 's3:\/\/the-bucket\/exports\/estore\/purchases\/'/,
      /format => 'parquet'\)/,
    ],
  ],
  [{ kind: 'databricks' }, 'write', [/INSERT OVERWRITE DIRECTORY 's3:\/\/the-bucket\/partners\/reader\/'/]],
  [{ kind: 'materialize' }, 'read', [/COPY INTO my_table FROM 's3:\/\/the-bucket\/<file>'/, /FORMAT PARQUET/]],
  [
    { kind: 'materialize' },
    'write',
    [
      /ASSUME ROLE ARN = 'arn:aws:iam::555555555555:role\/millrace-dev-reader'/,
      /COPY my_view TO 's3:\/\/the-bucket\/partners\/reader\//,
    ],
  ],
])('%o gets a snippet to %s', (who, mode, expected) => {
  const access: Partner['access'] = mode === 'write' ? { mode } : partner().access;
  const { text } = page({ who, access });
  for (const line of expected) expect(text).toMatch(line);
});

test('the snippet reads the format of the export', () => {
  const read = (name: string, kind: 'snowflake' | 'databricks' | 'materialize') =>
    page({ who: { kind }, access: { mode: 'read', exports: [name] } }).text;
  expect(read('estore.hourly_revenue', 'snowflake')).toContain('TYPE = CSV PARSE_HEADER = TRUE');
  expect(read('estore.product_revenue', 'snowflake')).toContain('TYPE = JSON');
  expect(read('estore.hourly_revenue', 'databricks')).toContain("format => 'csv', header => true");
  expect(read('estore.hourly_revenue', 'materialize')).toContain('FORMAT CSV, HEADER = true');
  expect(read('estore.product_revenue', 'materialize')).toContain('these files are JSON');
});
