import { buckets, type Cloud } from '../cloud';
import { outcomeOf, type Truth, type Uploaded } from '../world';
import { rows } from './query';

/** Checks that each reject names a line that really is bad, and that no two rejects of a run name the same line. */
export async function verifyOrigins(
  cloud: Cloud,
  schema: string,
  { uploads, raising }: Pick<Truth, 'uploads' | 'raising'>,
): Promise<string[]> {
  const wrong: string[] = [];
  const found = await rows<[string, string, number | string]>(
    cloud,
    `select run_id, object_key, line from ${schema}.rejects where source = 'history' and line is not null`,
  );
  const places = found.map((row) => row.join(' '));
  for (const place of new Set(places.filter((item, index) => places.indexOf(item) !== index)))
    wrong.push(`two rejects are of ${place}`);
  for (const [, url, line] of found) {
    const versions = uploads.filter(({ key }) => url === `s3://${buckets.history}/${key}`);
    const isBad = ({ lines }: Uploaded) => {
      const text = lines[Number(line) - 1];
      return text !== undefined && 'reason' in outcomeOf(text, raising);
    };
    if (!versions.some(isBad)) wrong.push(`line ${line} of ${url} is said to be a reject`);
  }
  return wrong;
}
