import { meaningOf } from '../../cli/cloud/aws-errors';
import { explain } from '../../cli/failure';

const error = (name: string, message = '') => Object.assign(new Error(message), { name });

test.each([
  ['CredentialsProviderError', 'Could not load credentials from any providers', /^no AWS credentials were found/],
  [
    'CredentialsProviderError',
    'The SSO session associated with this profile has expired',
    /^the AWS credentials have expired/,
  ],
  ['ExpiredTokenException', '', /^the AWS credentials have expired/],
  ['UnrecognizedClientException', '', /^AWS does not accept the credentials in this region/],
  ['AuthFailure', '', /^AWS does not accept the credentials in this region/],
  [
    'InvalidSignatureException',
    'Signature expired: 20261121T0900Z is now earlier than',
    /^the clock of this machine is wrong/,
  ],
  ['AccessDeniedException', 'User: x is not authorized to perform: y', /^a permission is missing: User: x/],
  ['OptInRequired', '', /is not enabled for the account/],
  [
    'Error',
    'getaddrinfo ENOTFOUND sqs.eu-west-9.amazonaws.com',
    /^sqs\.eu-west-9\.amazonaws\.com was not found: the region is wrong/,
  ],
  ['Error', 'connect ECONNREFUSED 127.0.0.1:9', /^nothing answers at 127\.0\.0\.1:9: check the network/],
  ['Error', 'Region is missing', /^no region is known/],
  ['ThrottlingException', 'Rate exceeded', /^AWS throttles these calls/],
])('%s (%s) is one sentence in every command', (name, message, sentence) => {
  expect(explain(error(name, message))).toMatch(sentence);
});

test('what is about the thing itself stays what it is', () => {
  expect(meaningOf(error('NoSuchBucket', 'The bucket does not exist'))).toBeUndefined();
  expect(explain(error('NoSuchBucket', 'The bucket does not exist'))).toBe('The bucket does not exist');
});
