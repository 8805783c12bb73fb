import { backfill } from '../../cli/commands/backfill';
import type { Context } from '../../cli/commands/context';
import { duplicates } from '../../cli/commands/duplicates';
import { files } from '../../cli/commands/files';
import { redrive } from '../../cli/commands/redrive';
import { rejects } from '../../cli/commands/rejects';
import { reprocess } from '../../cli/commands/reprocess';
import { why } from '../../cli/commands/why';
import { parseQuestion } from '../../cli/commands/why/question';
import { notificationOf } from '../../lambda/load/notification';
import { reloadRunId } from '../../lambda/load/reload';
import { pipeline } from '../../pipelines/estore/pipeline';
import { FakeCloud, fakeContext } from './cloud';
import { documented, same } from './documented';

const key = (name: string) => `estore/shop/2026-11-21/${name}.gz`;
const row = (name: string, more = {}) => ({ object_key: key(name), etag: `etag of ${key(name)}`, ...more });

/** An environment in which every list that a command answers with has something in it. */
function cloud(): FakeCloud {
  const made = new FakeCloud();
  for (const name of ['a', 'b', 'c']) made.put('history', key(name));
  const letter = { bucket: 'history-bucket', key: key('a'), etag: `etag of ${key('a')}`, versionId: '', size: 1 };
  void made.queues.send('dead-letters', [notificationOf(letter)]);
  made.answers = [
    [
      'with left_over',
      [{ run_id: 'run-1', duplicates: 7, events: 2, bucket: 'history-bucket', size: 1000, ...row('c') }],
    ],
    ['select run_id, events from estore.runs', [{ run_id: reloadRunId('run-1'), events: 5 }]],
    ['getdate()', [{ now: '2026-11-21 09:00:00' }]],
    ['select run_id from estore.ledger', [{ run_id: 'run-7' }]],
    ['loaded_at >=', [row('c', { loaded_at: '2026-11-21 09:00:00' })]],
    ['reason from estore.parked', [row('a', { reason: 'not gzip' })]],
    ['estore.parked', [row('b', { reason: 'not gzip', parked_at: '2026-11-21 09:00:00' })]],
    [
      'select shard_id, from_time',
      [{ shard_id: 's', from_time: '2026-11-21 09:00:00', to_time: '2026-11-21 10:00:00' }],
    ],
    ['where run_id =', [{ events: 1, duplicates: 0, skipped: 0 }]],
    ['as chosen', [{ amount: 1, chosen: 1, judged: 1 }]],
    ['as n0', [{ amount: 1, n0: 0, n1: 1, n2: 1 }]],
    ['as accepted', [{ amount: 1, accepted: 1 }]],
    [
      'max(merged_at) as newest',
      [{ reasons: 'price: does not fit decimal(12,2)', records: 1, newest: '2026-11-21 09:00:00' }],
    ],
    [
      'with numbered',
      [
        {
          reasons: 'price: does not fit decimal(12,2)',
          source: 'stream',
          shard_id: 's',
          sequence_number: '1',
          payload: '{"product":{"price":1.234}}',
          payload_bytes: 27,
          head: '7b22',
          unparsed_bytes: 2,
        },
      ],
    ],
  ];
  return made;
}

const runs: Readonly<Record<string, (context: Context) => Promise<unknown>>> = {
  files: (context) => files(context, [pipeline], { limit: 1 }),
  backfill: (context) => backfill(context, pipeline, { from: 'archive', apply: true }),
  redrive: (context) => redrive(context, pipeline, {}),
  reprocess: (context) => reprocess(context, [pipeline], key('a')),
  rejects: (context) => rejects(context, [pipeline], { limit: 1, retry: true, apply: true }),
  duplicates: (context) => duplicates(context, [pipeline], { apply: true }),
  why: (context) => why(context, parseQuestion(pipeline, ['customer_id=x']), { records: 1, bytes: 1 }),
};

test('the page has every verb that answers on an environment', () => {
  // Those of the others are compared where these run.
  const elsewhere = [
    'dbt',
    'deploy',
    'export-all',
    'forget',
    'handover',
    'import',
    'new',
    'plan',
    'preflight',
    'smoke',
    'status',
    'test',
  ];
  expect([...documented.keys()].sort()).toEqual([...Object.keys(runs), ...elsewhere].sort());
});

test.each(Object.keys(runs))('%s --json has the names and types that its documentation shows', async (verb) => {
  const made = cloud();
  if (verb === 'backfill') made.put('archive', 'archive/estore/2026/11/21/09/x.gz');
  const context = fakeContext(made, { json: true, timeoutMs: 12_000 });
  await runs[verb]!(context);
  expect(context.text()).toMatch(/^\{.*\}\n$/);
  same(context.result(), documented.get(verb), verb);
});
