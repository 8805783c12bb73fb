import { literalPrefixes } from '../../../lambda/load/contract';
import { notificationOf, parseBatch, parseNotification } from '../../../lambda/load/notification';
import { message } from './host';

describe('parseNotification', () => {
  test('decodes keys as S3 encodes them', () => {
    const { body } = message({ key: 'a+b%2Bc%C3%A9/%27quoted%27.gz', etag: 'e' });
    expect(parseNotification(body)[0]!.key).toBe("a b+cé/'quoted'.gz");
  });

  test('accepts etags with and without quotes, and objects without a version', () => {
    const { body } = message({ key: 'k', etag: '"e"' });
    expect(parseNotification(body)).toEqual([
      {
        bucket: 'history',
        key: 'k',
        etag: 'e',
        versionId: '',
        size: 10,
        writtenAt: Date.parse('2026-11-21T05:00:00Z'),
      },
    ]);
  });

  test('reads what notificationOf writes, whatever the key', () => {
    for (const key of ["a b+cé/'q'&%2F=?.gz", 'x'.repeat(1024), '日本/😀']) {
      const object = { bucket: 'b', key, etag: 'e-2', versionId: 'v', size: 0 };
      expect(parseNotification(notificationOf(object, 5000))).toEqual([{ ...object, writtenAt: 5000 }]);
      expect(parseNotification(notificationOf({ ...object, versionId: '' }))).toEqual([
        { ...object, versionId: '', writtenAt: 0 },
      ]);
    }
  });

  test('reads an event of EventBridge, whose key is plain, and ignores a deletion', () => {
    const event = (detailType: string, object: object) =>
      JSON.stringify({
        version: '0',
        source: 'aws.s3',
        'detail-type': detailType,
        time: '2026-11-21T05:00:00Z',
        detail: { version: '0', bucket: { name: 'history' }, object, reason: 'PutObject' },
      });
    const object = { key: 'a b+c%2B.gz', size: 5, etag: 'e-2', 'version-id': 'v', sequencer: '00' };
    expect(parseNotification(event('Object Created', object))).toEqual([
      {
        bucket: 'history',
        key: 'a b+c%2B.gz',
        etag: 'e-2',
        versionId: 'v',
        size: 5,
        writtenAt: Date.parse('2026-11-21T05:00:00Z'),
      },
    ]);
    expect(parseNotification(event('Object Deleted', object))).toEqual([]);
    expect(() => parseNotification(event('Object Created', { ...object, etag: '' }))).toThrow(
      'body.detail.object.etag must identify the bytes',
    );
  });

  test('names what is missing', () => {
    expect(() => parseNotification('{"Records":[{"eventName":"ObjectCreated:Put"}]}')).toThrow(
      'body.Records[0].s3 must be an object',
    );
    expect(() => parseNotification(message({ key: 'k', etag: '' }).body)).toThrow(
      'body.Records[0].s3.object.eTag must identify the bytes',
    );
    expect(() => parseBatch({})).toThrow('event.Records must be a list, got nothing');
  });
});

test('parseBatch reads the number of deliveries and the time of a message', () => {
  const attributes = { ApproximateReceiveCount: '3', SentTimestamp: '1795237200000' };
  expect(
    parseBatch({
      Records: [
        { messageId: 'm', body: 'b', attributes },
        { messageId: 'n', body: 'c' },
      ],
    }),
  ).toEqual([
    { messageId: 'm', body: 'b', attempts: 3, sentAt: 1795237200000 },
    { messageId: 'n', body: 'c', attempts: 1, sentAt: 0 },
  ]);
});

test.each<[readonly string[], string[]]>([
  [['a/*/b.gz', 'a/c/*.gz'], ['a/']],
  [
    ['b/*', 'a/*', 'b/*.gz'],
    ['a/', 'b/'],
  ],
  [
    ['a/x*', 'a/y*'],
    ['a/x', 'a/y'],
  ],
  [['a/x', '*'], ['']],
])('prefixes of %j: %j', (globs, prefixes) => {
  expect(literalPrefixes(globs)).toEqual(prefixes);
});
