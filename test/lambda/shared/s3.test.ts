import { s3Objects } from '../../../lambda/shared/s3';

const error = (name: string) => Object.assign(new Error(name), { name });

function adapter(answers: Record<string, unknown[]>) {
  const inputs: Record<string, unknown>[] = [];
  const send = async (command: { constructor: { name: string }; input: Record<string, unknown> }) => {
    inputs.push(command.input);
    const answer = answers[command.constructor.name]!.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { objects: s3Objects({ send } as never), inputs };
}

const body = (text: string) => ({ Body: { transformToString: async () => text } });

describe('get', () => {
  test('gives the text, also when it is empty', async () => {
    const { objects } = adapter({ GetObjectCommand: [body('a'), body('')] });
    expect([await objects.get('b', 'k'), await objects.get('b', 'k')]).toEqual(['a', '']);
  });

  test('gives nothing for an object that is not there', async () => {
    const { objects } = adapter({ GetObjectCommand: [error('NoSuchKey')] });
    expect(await objects.get('b', 'k')).toBeUndefined();
  });

  test('tells a missing object from a forbidden one where S3 denies both', async () => {
    const { objects } = adapter({
      GetObjectCommand: Array(4).fill(error('AccessDenied')),
      ListObjectsV2Command: [
        { Contents: [{ Key: 'k2' }] },
        ...Array(3).fill({ Contents: [{ Key: 'k' }, { Key: 'k2' }] }),
      ],
    });
    expect(await objects.get('b', 'k')).toBeUndefined();
    await expect(objects.get('b', 'k')).rejects.toThrow('AccessDenied');
  });

  test('gives an object that is written between the denied GET and the listing', async () => {
    const { objects } = adapter({
      GetObjectCommand: [error('AccessDenied'), body('written')],
      ListObjectsV2Command: [{ Contents: [{ Key: 'k' }] }],
    });
    expect(await objects.get('b', 'k')).toBe('written');
  });
});

test('lists all pages', async () => {
  const { objects, inputs } = adapter({
    ListObjectsV2Command: [{ Contents: [{ Key: 'p/a' }], NextContinuationToken: 't' }, { Contents: [{ Key: 'p/b' }] }],
  });
  expect(await objects.list('b', 'p/')).toEqual(['p/a', 'p/b']);
  expect(inputs.map(({ ContinuationToken }) => ContinuationToken)).toEqual([undefined, 't']);
});

describe('versions', () => {
  test('have metadata, which one that is gone has not', async () => {
    const { objects, inputs } = adapter({
      HeadObjectCommand: [{ Metadata: { mine: 'a' } }, {}, error('NotFound'), error('SlowDown')],
    });
    const version = { bucket: 'b', key: 'k', versionId: 'v1' };
    const found = [1, 2, 3].map(() => objects.metadata(version, 'mine'));
    expect(await Promise.all(found)).toEqual(['a', undefined, undefined]);
    await expect(objects.metadata(version, 'mine')).rejects.toThrow('SlowDown');
    expect(inputs[0]).toEqual({ Bucket: 'b', Key: 'k', VersionId: 'v1' });
  });

  test('finds the newest version of the key with the bytes, whatever else begins like it', async () => {
    const version = (Key: string, VersionId: string, ETag: string) => ({ Key, VersionId, ETag: `"${ETag}"` });
    const { objects, inputs } = adapter({
      ListObjectVersionsCommand: [
        { Versions: [version('k', 'v3', 'c')], NextKeyMarker: 'k', NextVersionIdMarker: 'v3' },
        { Versions: [version('k', 'v2', 'a'), version('k', 'v1', 'a'), version('k2', 'v9', 'x')] },
        {
          Versions: [version('k', 'v1', 'a'), version('k2', 'v9', 'x')],
          NextKeyMarker: 'k2',
          NextVersionIdMarker: 'v9',
        },
      ],
    });
    expect(await objects.find('b', 'k', 'a')).toBe('v2');
    expect(inputs[1]).toMatchObject({ Prefix: 'k', KeyMarker: 'k', VersionIdMarker: 'v3' });
    expect(await objects.find('b', 'k', 'x')).toBeUndefined();
    expect(inputs).toHaveLength(3);
  });

  test('copies one version, under the key', async () => {
    const { objects, inputs } = adapter({
      CopyObjectCommand: [{}, error('NoSuchVersion'), error('AccessDenied'), error('SlowDown')],
    });
    const copy = () =>
      objects.copy(
        { bucket: 'b', key: 'a b/ü?.gz', versionId: 'v+1' },
        { bucket: 'w', key: 'versions/x', kmsKeyArn: 'arn:key' },
      );
    expect(await copy()).toBe(true);
    expect(inputs[0]).toEqual({
      Bucket: 'w',
      Key: 'versions/x',
      CopySource: 'b/a%20b/%C3%BC%3F.gz?versionId=v%2B1',
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'arn:key',
    });
    expect([await copy(), await copy()]).toEqual([false, false]);
    await expect(copy()).rejects.toThrow('SlowDown');
  });
});

test('gives pages of objects after a key', async () => {
  const at = new Date('2026-11-21T05:00:00Z');
  const { objects, inputs } = adapter({
    ListObjectsV2Command: [
      { Contents: [{ Key: 'p/b', ETag: '"e"', Size: 3, LastModified: at }], NextContinuationToken: 't' },
      {},
    ],
  });
  const pages = [];
  for await (const page of objects.pages('b', 'p/', 'p/a')) pages.push(page);
  expect(pages).toEqual([
    [{ key: 'p/b', etag: 'e', size: 3, lastModified: at.getTime(), storageClass: 'STANDARD' }],
    [],
  ]);
  expect(inputs.map(({ StartAfter, ContinuationToken }) => [StartAfter, ContinuationToken])).toEqual([
    ['p/a', undefined],
    [undefined, 't'],
  ]);
});
