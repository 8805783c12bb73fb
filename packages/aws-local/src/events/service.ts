import { randomUUID } from 'node:crypto';
import {
  type Authorizer,
  AwsError,
  type EventBusPort,
  integerOf,
  jsonService,
  listOf,
  NotModelledError,
  objectOf,
  type Principal,
  pageAfter,
  requiredText,
  type Service,
  textOf,
} from 'aws-local-kit';

export interface EventsServiceOptions {
  readonly account: string;
  readonly region: string;
  readonly authorizer: Authorizer;
}

/** Limits of one PutEvents call: the number of entries, and the bytes of all entries together. */
const maxEntries = 10;
const maxBytes = 256 * 1024;
/** Only AWS services may publish with such a source. */
const reservedSource = /^aws\./;

/** The members of a rule that the API returns. */
interface ShownRule {
  readonly name: string;
  readonly arn: string;
  readonly description?: string;
  readonly state: string;
  readonly patternText: string;
  readonly targets: readonly {
    readonly id: string;
    readonly arn: string;
    readonly roleArn?: string;
    readonly input?: unknown;
  }[];
}

/** The EventBridge API for the default bus only. PutEvents refuses an invalid entry individually. Rules can be read. */
export function eventsService(
  bus: EventBusPort,
  rules: () => readonly ShownRule[],
  { account, region, authorizer }: EventsServiceOptions,
): Service {
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

  const ruleArn = (name: string) => `arn:aws:events:${region}:${account}:rule/${name}`;
  const checked = (input: unknown, allowed: readonly string[], operation: string) => {
    const known = objectOf(input, ['EventBusName', 'NextToken', 'Limit', ...allowed], operation) ?? {};
    const text = (name: string) => textOf(known[name], name);
    if (!isDefault(text('EventBusName'))) throw new NotModelledError(`event bus ${text('EventBusName')}`);
    return { text, size: integerOf(known['Limit'], 'Limit', 1, 100) ?? 100, token: text('NextToken') };
  };

  return jsonService('events', 'json-1.1', 'AWSEvents', {
    ListRules(input: unknown, principal) {
      const { text, ...page } = checked(input, ['NamePrefix'], 'ListRules');
      authorizer.authorize({ principal, action: 'events:ListRules', resource: ruleArn('*') });
      const wanted = rules().filter(({ name }) => name.startsWith(text('NamePrefix') ?? ''));
      const { items, nextToken } = pageAfter(wanted, ({ name }) => name, page);
      const shown = items.map(({ name, arn, description, state, patternText }) => ({
        Name: name,
        Arn: arn,
        Description: description,
        State: state,
        EventPattern: patternText,
        EventBusName: 'default',
      }));
      return { Rules: shown, NextToken: nextToken };
    },
    ListTargetsByRule(input: unknown, principal) {
      const { text, ...page } = checked(input, ['Rule'], 'ListTargetsByRule');
      const name = requiredText(text('Rule'), 'Rule');
      authorizer.authorize({ principal, action: 'events:ListTargetsByRule', resource: ruleArn(name) });
      const rule = rules().find((known) => known.name === name);
      if (!rule) throw new AwsError('ResourceNotFoundException', `Rule ${name} does not exist on EventBus default.`);
      const { items, nextToken } = pageAfter(rule.targets, ({ id }) => id, page);
      const shown = items.map(({ id, arn, roleArn, input: given }) => ({
        Id: id,
        Arn: arn,
        RoleArn: roleArn,
        Input: given === undefined ? undefined : JSON.stringify(given),
      }));
      return { Targets: shown, NextToken: nextToken };
    },
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
