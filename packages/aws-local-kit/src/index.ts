export { type Activity, createActivity, type RunEvent, type RunListener } from './activity';
export type { CallFault } from './call-fault';
export { createClock, type RuntimeClock } from './clock';
export { appendBlock, appendWhole, FullDiskError, isFullDisk, replaceFile, storing } from './disk';
export {
  credentialsFile,
  folderCredentials,
  folderToken,
  type Profile,
  randomCredentials,
  readToken,
} from './folder-access';
export {
  type Body,
  BodyBudget,
  type Caller,
  createGateway,
  EventStream,
  type Gateway,
  type GatewayOptions,
  hasToken,
  type InternalHandler,
  readBody,
  refusalOf,
  type SignedCallerOptions,
  signedCaller,
  type WireRequest,
} from './gateway';
export { type AnyProtocolOptions, anyProtocolService } from './gateway/any-protocol';
export { decodeCbor, encodeCbor } from './gateway/cbor';
export { decodeAwsChunked } from './gateway/chunked';
export { asAwsError, errorResponse } from './gateway/errors';
export { type JsonService, jsonService } from './gateway/json';
export { parseXml, type XmlElement, type XmlValue, xmlDocument } from './gateway/xml';
export { Journal } from './journal';
export { LockedError, lockFolder } from './lock';
export { pageAfter } from './paging';
export * from './ports';
export * from './properties';
export { type NextTime, parseScheduleExpression } from './schedule-expression';
export { turns } from './script';
export { type WildcardUnit, wildcardMatcher } from './wildcards';
