export { hasToken, refusalOf } from './access';
export type { Caller } from './authenticate';
export { EventStream } from './event-stream';
export type { Gateway, GatewayOptions, InternalHandler } from './gateway';
export { createGateway } from './gateway';
export type { JsonService } from './json';
export { jsonService } from './json';
