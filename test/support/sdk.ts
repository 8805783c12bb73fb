import { Readable } from 'node:stream';
import {
  asAwsError,
  decodeAwsChunked,
  errorResponse,
  type Principal,
  type Service,
  type ServiceRequest,
  type ServiceResponse,
} from 'aws-local-kit';

interface SdkRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * Configures a real SDK client whose requests go to a twin in this process: no sockets, no signatures, no retries.
 * @param around called for each request with the operation and the request; `run` sends it
 */
export function inProcess(
  service: Service,
  principal: Principal,
  around: (operation: string, request: ServiceRequest, run: () => Promise<ServiceResponse>) => Promise<ServiceResponse>,
  // biome-ignore lint/suspicious/noExplicitAny: each client has its own type of configuration, all with these fields
): any {
  return {
    ...settled,
    endpoint: 'http://twin',
    forcePathStyle: true,
    logger: silent,
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    signer: { sign: async (request: unknown) => request },
    requestHandler: {
      metadata: { handlerProtocol: 'http/1.1' },
      destroy() {},
      updateHttpClientConfig() {},
      httpHandlerConfigs: () => ({}),
      async handle(sent: SdkRequest) {
        const request = await received(sent, principal);
        const operation = `${service.signingName}:${operationOf(request)}`;
        const response = await around(operation, request, () => answer(service, request));
        const { status = 200, headers = {}, body = '' } = response;
        const stream =
          typeof body === 'string' || Buffer.isBuffer(body)
            ? Readable.from(body.length > 0 ? [Buffer.from(body)] : [], { objectMode: false })
            : body;
        return { response: { statusCode: status, headers, body: stream } };
      },
    },
  };
}

/** Settings that the SDK would otherwise look up in environment and files for each client, slower than the calls. */
const settled = {
  region: 'eu-west-1',
  maxAttempts: 1,
  retryMode: 'standard',
  defaultsMode: 'standard',
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  userAgentAppId: '',
  authSchemePreference: [],
  requestChecksumCalculation: 'WHEN_SUPPORTED',
  responseChecksumValidation: 'WHEN_SUPPORTED',
  useArnRegion: false,
  disableMultiregionAccessPoints: false,
  disableS3ExpressSessionAuth: false,
  sigv4aSigningRegionSet: [],
};

/** Silences the SDK's warning about an empty body, such as a sentinel's. */
const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function answer(service: Service, request: ServiceRequest): Promise<ServiceResponse> {
  try {
    return await service.handle(request);
  } catch (error) {
    return errorResponse(service.protocol, asAwsError(error, service.signingName), request.path);
  }
}

async function received(sent: SdkRequest, principal: Principal): Promise<ServiceRequest> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(sent.query ?? {}))
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, each ?? '');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(sent.headers)) headers[name.toLowerCase()] = value;
  let body = await bytesOf(sent.body);
  if ((headers['content-encoding'] ?? '').includes('aws-chunked')) {
    const decoded = decodeAwsChunked(body);
    body = decoded.body;
    Object.assign(headers, decoded.trailers);
    delete headers['content-encoding'];
  }
  return { principal, method: sent.method, path: sent.path, query, headers, body };
}

async function bytesOf(body: unknown): Promise<Buffer> {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (body instanceof Readable) {
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }
  if (ArrayBuffer.isView(body)) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return Buffer.from(String(body));
}

/** Returns the operation: a name such as `ListStatements` in a JSON protocol, or a method such as `GET` in S3. */
function operationOf({ headers, method, query }: ServiceRequest): string {
  const target = headers['x-amz-target'];
  return target ? target.slice(target.lastIndexOf('.') + 1) : (query.get('x-id') ?? method);
}
