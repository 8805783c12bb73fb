import type { Principal, Service } from '../ports';
import { AwsError } from '../ports';
import { ChunkSignatures } from './chunk-signatures';
import type { JsonService } from './json';
import type { SignedRequest } from './presigned';
import { isHash, isSame, payloadHash, sha256, verifySignature, verifySignatureV2, type WireRequest } from './signature';

/** A caller and what its requests are signed with. */
export interface Caller {
  readonly principal: Principal;
  readonly secretAccessKey: string;
}

export interface Callers {
  /** Finds the caller by access key id. Returns undefined if the key or its session token is unknown. */
  readonly callerOf: (accessKeyId: string, sessionToken?: string) => Caller | undefined;
  readonly services: ReadonlyMap<string, Service>;
  /** The region that requests must be signed for. @default - any region */
  readonly region?: string;
  /** How to get the right credentials. It is a part of the errors about wrong ones. @default - nothing */
  readonly credentialsHint?: string;
  /** The machine's clock in epoch milliseconds. */
  readonly now: number;
}

/** A request whose signature is right as far as it can be verified without the body. */
export interface Authenticated {
  readonly service: Service;
  readonly principal: Principal;
  /** Verifies the rest of the signature. @throws AwsError if the body is not what was signed */
  verifyBody(body: Buffer): void;
  /** The verifier of a body in signed chunks. */
  readonly chunks?: ChunkSignatures;
}

/**
 * Finds service and caller of a request and verifies its signature. The credential scope names the service:
 * `Credential=<key id>/<date>/<region>/<signing name>/aws4_request`.
 * @throws AwsError
 */
export function authenticate(
  wire: WireRequest,
  given: URLSearchParams,
  signed: SignedRequest,
  callers: Callers,
): Authenticated {
  const { headers, credential, accessKeyV2 } = signed;
  if (accessKeyV2 !== undefined) return withVersion2(wire, given, signed, accessKeyV2, callers);
  if (!credential) {
    if (headers['authorization'])
      throw new AwsError('IncompleteSignatureException', 'the Authorization header has no Credential', 400);
    return { ...unsigned(headers, callers), verifyBody: () => {} };
  }
  const [accessKeyId = '', , region = '', signingName = '', terminator] = credential.split('/');
  if (terminator !== 'aws4_request')
    throw new AwsError(
      'IncompleteSignatureException',
      `credential scope ${credential} does not end in aws4_request`,
      400,
    );
  const service = callers.services.get(signingName);
  if (!service) throw new AwsError('NotModelled', `service ${signingName} is not modelled by the local runtime`, 501);
  const caller = callerOf(service, accessKeyId, signed, callers);
  if (callers.region && region !== callers.region)
    throw new ProtocolError(
      service,
      service.protocol === 'rest-xml' ? 'AuthorizationHeaderMalformed' : 'InvalidSignatureException',
      `the request to ${signingName} is signed for region ${region}, expected ${callers.region}`,
      service.protocol === 'rest-xml' ? 400 : 403,
    );
  return { service, principal: caller.principal, ...verified(wire, signed, service, caller, callers) };
}

/** Verifies what can be verified now. If the client gave no hash of the body, only the body can show the rest. */
function verified(
  wire: WireRequest,
  { signature, headers }: SignedRequest,
  service: Service,
  caller: Caller,
  callers: Callers,
): Pick<Authenticated, 'verifyBody' | 'chunks'> {
  const isS3 = service.signingName === 's3';
  const secret = caller.secretAccessKey;
  const inProtocol = <T>(verify: () => T): T => asProtocolError(service, callers, verify);
  const verify = (hash: string) =>
    inProtocol(() => verifySignature(wire, signature!, { secret, hash, isS3, now: callers.now }));
  const hash = inProtocol(() => payloadHash(headers['x-amz-content-sha256'], signature!, isS3));
  if (hash === undefined) return { verifyBody: (body) => verify(sha256(body)) };
  verify(hash);
  if (hash.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD'))
    return { verifyBody: () => {}, chunks: new ChunkSignatures(signature!, secret) };
  if (!isHash(hash)) return { verifyBody: () => {} };
  return {
    verifyBody(body) {
      if (isSame(sha256(body), hash)) return;
      const message = 'The provided x-amz-content-sha256 header does not match what was computed.';
      throw new ProtocolError(service, isS3 ? 'XAmzContentSHA256Mismatch' : codeOf(service), message, isS3 ? 400 : 403);
    },
  };
}

/** Verifies a version 2 signature, which only S3 accepts. */
function withVersion2(
  wire: WireRequest,
  given: URLSearchParams,
  signed: SignedRequest,
  accessKeyId: string,
  callers: Callers,
): Authenticated {
  const service = callers.services.get('s3');
  if (!service) throw new AwsError('NotModelled', 'service s3 is not modelled by the local runtime', 501);
  const caller = callerOf(service, accessKeyId, signed, callers);
  asProtocolError(service, callers, () => verifySignatureV2(wire, given, caller.secretAccessKey));
  return { service, principal: caller.principal, verifyBody: () => {} };
}

function callerOf(service: Service, accessKeyId: string, signed: SignedRequest, callers: Callers): Caller {
  const { headers, sessionToken, refused } = signed;
  const caller = asProtocolError(service, callers, () => {
    if (refused) throw refused;
    return callers.callerOf(accessKeyId, sessionToken);
  });
  if (caller === undefined) {
    const code = { 'rest-xml': 'InvalidAccessKeyId', query: 'InvalidClientTokenId' }[service.protocol as string];
    const message = `The security token included in the request is invalid: access key id ${accessKeyId.slice(0, 128)} is not known here`;
    throw new ProtocolError(service, code ?? 'UnrecognizedClientException', withHint(message, callers), 403);
  }
  if (headers['x-forwarded-proto'] !== 'http') return caller;
  return { ...caller, principal: { ...caller.principal, unencrypted: true } };
}

const withHint = (message: string, { credentialsHint }: Callers): string =>
  credentialsHint === undefined ? message : `${message}. ${credentialsHint}`;

/** The code of a wrong signature in the service's protocol. */
const codeOf = ({ protocol }: Service): string =>
  protocol === 'rest-xml' || protocol === 'query' ? 'SignatureDoesNotMatch' : 'InvalidSignatureException';

/** Turns an error about the signature into one in the service's protocol. */
function asProtocolError<T>(service: Service, callers: Callers, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const isWrong = error.code === 'SignatureDoesNotMatch';
    const code = service.protocol === 'rest-xml' ? error.code.replace(/Exception$/, '') : error.code;
    const message = isWrong ? withHint(error.message.replace(/\.$/, ''), callers) : error.message;
    throw new ProtocolError(service, isWrong ? codeOf(service) : code, message, error.statusCode, error.members);
  }
}

/** An error raised before the service was called. It is still answered in the service's wire format. */
export class ProtocolError extends AwsError {
  constructor(
    readonly service: Service,
    code: string,
    message: string,
    statusCode: number,
    members?: Readonly<Record<string, string>>,
  ) {
    super(code, message, statusCode, members);
    this.name = code;
  }
}

/** Routes an unsigned request. Only S3 has anonymous callers; any other API refuses the request. */
function unsigned(
  headers: Readonly<Record<string, string>>,
  { services }: Callers,
): { service: Service; principal: Principal } {
  const target = headers['x-amz-target'];
  const s3 = services.get('s3');
  const prefix = target?.slice(0, target.lastIndexOf('.'));
  const named = [...services.values()].find(
    (service) => prefix && (service as Partial<JsonService>).targetPrefix === prefix,
  );
  const form = headers['content-type']?.startsWith('application/x-www-form-urlencoded');
  if (named || target || form || !s3) {
    const missing = 'Missing Authentication Token: the request is not signed';
    const service = named ?? (form ? services.get('sts') : undefined);
    if (service) throw new ProtocolError(service, 'MissingAuthenticationTokenException', missing, 403);
    throw new AwsError('MissingAuthenticationTokenException', missing, 403);
  }
  return { service: s3, principal: { kind: 'anonymous', arn: 'anonymous', account: 'anonymous' } };
}
