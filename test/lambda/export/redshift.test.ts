import { parseManifest, withoutHeaders } from '../../../lambda/export/redshift';

describe('a manifest', () => {
  const manifest = (url: string) =>
    JSON.stringify({ entries: [{ url, meta: { content_length: 10, record_count: 4 } }] });

  test('must not name a file outside of the run', () => {
    expect(parseManifest(manifest('s3://b/run/data/0'), 'b', 'run/data/')).toEqual([
      { key: 'run/data/0', bytes: 10, rows: 4 },
    ]);
    expect(() => parseManifest(manifest('s3://b/other/0'), 'b', 'run/data/')).toThrow(
      'manifest.entries[0].url must be below s3://b/run/data/',
    );
    expect(() => parseManifest('{"entries": 1}', 'b', '')).toThrow('manifest.entries must be a list, got 1');
  });

  test('may or may not count the header lines of its files', () => {
    const files = [
      { key: 'a', bytes: 1, rows: 3 },
      { key: 'b', bytes: 1, rows: 2 },
    ];
    expect(withoutHeaders(files, 3).map(({ rows }) => rows)).toEqual([2, 1]);
    expect(withoutHeaders(files, 5)).toBe(files);
    expect(withoutHeaders(files, 4)).toBe(files);
  });
});
