import { randomUUID } from 'node:crypto';
import {
  type Authorizer,
  AwsError,
  type EventBusPort,
  jsonService,
  listOf,
  NotModelledError,
  objectOf,
  type Principal,
  type Service,
  textOf,
} from 'aws-local-kit';

export interface EventsServiceOptions {
  readonly account: string;
  readonly region: string;
  readonly authorizer: Authorizer;
}

/** Limits of PutEvents, the second in bytes over all entries of a call. */
const maxEntries = 10;
const maxBytes = 256 * 1024;
/** Only AWS's services may publish under such a name. */
const reservedSource = /^aws\./;

/** EventBridge's PutEvents, for the default bus alone. An entry that is wrong is refused by itself, as there. */
export function eventsService(bus: EventBusPort, { account, region, authorizer }: EventsServiceOptions): Service {
  const resource = `arn:aws:events:${region}:${account}:event-bus/default`;
  const isDefault = (name: string | undefined) => name === undefined || name === 'default' || name === resource;

  const put = (value: unknown, principal: Principal) => {
    const fields = ['Detail', 'DetailType', 'EventBusName', 'Resources', 'Source'];
    const entry = objectOf(value, fields, 'Entries') ?? {};
    const text = (name: string) => textOf(entry[name], `Entries.${name}`);
    if (!isDefault(text('EventBusName'))) throw new NotModelledError(`event bus ${text('EventBusName')}`);
    const source = text('Source');
    const detailType = text('DetailType');
    const detail = text('Detail');
    const context = {
      ...(source && { 'events:source': source }),
      ...(detailType && { 'events:detail-type': detailType }),
    };
    authorizer.authorize({ principal, action: 'events:PutEvents', resource, context });
    const refused = (ErrorMessage: string) => ({ ErrorCode: 'InvalidArgument', ErrorMessage });
    if (!source || !detailType || !detail)
      return refused('Parameter Source, DetailType or Detail is not valid. Reason: it is a required argument.');
    if (reservedSource.test(source))
      return { ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'Not authorized for the source.' };
    let parsed: unknown;
    try {
      parsed = JSON.parse(detail);
    } catch {
      return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
    const resources = listOf(entry['Resources'], 'Entries.Resources').map(String);
    bus.publish({ source, 'detail-type': detailType, resources, detail: parsed });
    return { EventId: randomUUID() };
  };

  return jsonService('events', 'json-1.1', 'AWSEvents', {
    PutEvents(input, principal) {
      const entries = listOf((input as { Entries?: unknown }).Entries, 'Entries');
      if (entries.length === 0 || entries.length > maxEntries)
        throw new AwsError(
          'ValidationException',
          `Entries must have 1 to ${maxEntries} members, got ${entries.length}`,
        );
      if (Buffer.byteLength(JSON.stringify(entries)) > maxBytes)
        throw new AwsError('ValidationException', 'Total size of the entries in the request is over the limit.');
      const answers = entries.map((entry) => put(entry, principal));
      return { FailedEntryCount: answers.filter((answer) => 'ErrorCode' in answer).length, Entries: answers };
    },
  });
}
