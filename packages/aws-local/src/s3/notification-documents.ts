import { NotModelledError, type ServiceResponse } from 'aws-local-kit';
import { bodyXml, xml } from './listing';
import type { Bucket } from './s3';

type Element = ReturnType<typeof bodyXml>;

const text = (element: Element | undefined, name: string) =>
  element?.children.find((child) => child.name === name)?.text;
const named = (element: Element | undefined, name: string) =>
  element?.children.filter((child) => child.name === name) ?? [];

/** The document of PutBucketNotificationConfiguration, in the form that `parseNotifications` takes. */
export function notificationRequest(body: Buffer): unknown {
  const root = bodyXml(body, 'NotificationConfiguration');
  for (const { name } of root.children)
    if (name !== 'QueueConfiguration' && name !== 'EventBridgeConfiguration')
      throw new NotModelledError(`${name} of a notification configuration`);
  return {
    ...(named(root, 'EventBridgeConfiguration').length > 0 && { EventBridgeConfiguration: {} }),
    QueueConfigurations: named(root, 'QueueConfiguration').map((one) => {
      const [filter] = named(one, 'Filter');
      const rules = named(named(filter, 'S3Key')[0], 'FilterRule');
      return {
        Id: text(one, 'Id'),
        Queue: text(one, 'Queue'),
        Events: named(one, 'Event').map((event) => event.text),
        ...(filter && {
          Filter: {
            Key: { FilterRules: rules.map((rule) => ({ Name: text(rule, 'Name'), Value: text(rule, 'Value') })) },
          },
        }),
      };
    }),
  };
}

export function notificationResponse({ notifications, eventBridge }: Bucket): ServiceResponse {
  return xml('NotificationConfiguration', {
    QueueConfiguration: notifications.map(({ id, queueArn, events, prefix, suffix }) => ({
      Id: id,
      Queue: queueArn,
      Event: [...events],
      Filter:
        prefix === '' && suffix === ''
          ? undefined
          : {
              S3Key: {
                FilterRule: Object.entries({ prefix, suffix })
                  .filter(([, value]) => value !== '')
                  .map(([Name, Value]) => ({ Name, Value })),
              },
            },
    })),
    EventBridgeConfiguration: eventBridge ? {} : undefined,
  });
}
