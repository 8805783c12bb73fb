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
      GetObjectCommand: [error('AccessDenied'), error('AccessDenied')],
      ListObjectsV2Command: [{ Contents: [{ Key: 'k2' }] }, { Contents: [{ Key: 'k' }, { Key: 'k2' }] }],
    });
    expect(await objects.get('b', 'k')).toBeUndefined();
    await expect(objects.get('b', 'k')).rejects.toThrow('AccessDenied');
  });
});

test('lists all pages', async () => {
  const { objects, inputs } = adapter({
    ListObjectsV2Command: [{ Contents: [{ Key: 'p/a' }], NextContinuationToken: 't' }, { Contents: [{ Key: 'p/b' }] }],
  });
  expect(await objects.list('b', 'p/')).toEqual(['p/a', 'p/b']);
  expect(inputs.map(({ ContinuationToken }) => ContinuationToken)).toEqual([undefined, 't']);
});
