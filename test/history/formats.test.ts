import { gzipSync } from 'node:zlib';
import { parquet } from '../support/files';
import { SeamWorld } from '../support/seam';
import { mixedPipeline } from './pipeline';

let world: SeamWorld;

beforeAll(async () => {
  world = await SeamWorld.open(mixedPipeline);
});
afterAll(() => world.dispose());

const header = 'Amount,id,pieces,note,gift,at,more';
const row = (id: string) =>
  `select '${id}' as id, 1.25::decimal(12,2) as amount, 2::integer as pieces, 0.5::double as weight, true as gift, timestamp '2026-01-01 10:00:00.5' as at, date '2026-01-01' as day`;
const events = (where: string) =>
  world.query(
    `select id, amount, pieces, weight, gift, note, at, source, json_serialize(payload) from mix.events where ${where} order by id`,
  );

test('an event that is on the stream and in a file of each format is one event', async () => {
  const event = { id: 'every', order: { amount: 12.5, pieces: 3 }, at: '2026-01-01T10:00:00Z', gift: true };
  world.send(event);
  await world.tick('refresh');
  await world.put('lines/every.gz', gzipSync(`${JSON.stringify(event)}\n`));
  await world.put('sheets/every.csv', `${header}\n12.50,every,3,,true,2026-01-01 10:00:00,\n`);
  await world.put('packed/every.csv.gz', gzipSync(`${header}\n12.5,every,3,,t,2026-01-01T10:00:00Z,x\n`));
  await world.put('tables/every.parquet', await parquet(row('every')));
  await world.pass(1);
  expect(await events("id = 'every'")).toEqual([
    ['every', '12.50', 3, null, true, null, expect.anything(), 'stream', expect.any(String)],
  ]);
  expect(
    await world.query(
      "select d.source, count(*) from mix.duplicates d join mix.events e on e.event_id = d.event_id where e.id = 'every' group by 1",
    ),
  ).toEqual([['history', 4]]);
  expect(
    await world.query("select source, count(*) from mix.ledger where object_key like '%every%' group by 1 order by 1"),
  ).toEqual([
    ['lines', 1],
    ['packed', 1],
    ['sheets', 1],
    ['tables', 1],
  ]);
});

test('a CSV with a BOM, CRLF, quotes, line ends and blank lines', async () => {
  const text = [
    `\uFEFF${header}`,
    '1.00,quotes,1,"say ""hi"", twice",false,2026-01-01T10:00:00Z,"a,b"',
    '',
    '2.00,lines,1,"one\ntwo",f,,',
    ',empty,,,,,',
  ].join('\r\n');
  await world.put('sheets/odd.csv', `${text}\r\n`);
  await world.pass(1);
  const found = await events("id in ('quotes', 'lines', 'empty')");
  expect(found.map(([id, amount, pieces, , gift, note]) => [id, amount, pieces, gift, note])).toEqual([
    ['empty', null, null, null, null],
    ['lines', '2.00', 1, false, 'one\ntwo'],
    ['quotes', '1.00', 1, false, 'say "hi", twice'],
  ]);
  expect(JSON.parse(String(found[2]!.at(-1)))).toEqual({
    order: { amount: 1, pieces: 1, more: 'a,b' },
    id: 'quotes',
    note: 'say "hi", twice',
    gift: false,
    at: '2026-01-01T10:00:00Z',
  });
});

test('another delimiter', async () => {
  await world.put('semi/a.csv', 'id;note\ns1;"a;b"\ns2;a,b\n');
  await world.pass(1);
  expect((await events("id like 's_'")).map(([id, , , , , note]) => [id, note])).toEqual([
    ['s1', 'a;b'],
    ['s2', 'a,b'],
  ]);
});

test('what does not fit is a reject with its payload, and the rest of the file is loaded', async () => {
  const lines = [header, 'a lot,r1,1,,,,', '1.5,r2,1e999,,,,', '1.5,r3', '1.5,r4,1,,maybe,,', '1.5,r5,1,,,,'];
  await world.put('sheets/bad.csv', lines.join('\n'));
  await world.pass(1);
  expect((await events("id like 'r_'")).map(([id]) => id)).toEqual(['r5']);
  const rejects = await world.query(
    "select reason, json_serialize(payload) from mix.rejects where object_key like '%sheets/bad.csv' order by reason",
  );
  expect(rejects.map(([reason, payload]) => [reason, payload && JSON.parse(String(payload)).id])).toEqual([
    ['amount: expected a number, got a string', 'r1'],
    ['gift: expected a boolean, got a string', 'r4'],
    ['payload: 2 fields instead of 7', null],
    ['pieces: not a whole number in the range of bigint', 'r2'],
  ]);
});

test.each([
  [
    'columns in another order',
    'sheets/order.csv',
    'id,Amount,pieces,note,gift,at,more\nx1,1,1,,,,\n',
    'column 1 is "id" in the header and "Amount" in the source',
  ],
  [
    'a column less',
    'sheets/less.csv',
    'Amount,id,pieces,note,gift,at\n1,x2,1,,,\n',
    'column 7 is nothing in the header and "more" in the source',
  ],
  ['no header', 'sheets/none.csv', '1,x3,1,,,,\n', 'column 1 is "1" in the header'],
  [
    'another delimiter',
    'sheets/semi.csv',
    `${header.replaceAll(',', ';')}\n1;x4;1;;;;\n`,
    `column 1 is "${header.replaceAll(',', ';')}" in the header`,
  ],
  ['a blank first line', 'sheets/blank.csv', `\n${header}\n1,x5,1,,,,\n`, 'column 1 is "" in the header'],
  [
    'another character set',
    'sheets/utf16.csv',
    Buffer.from(`\uFEFF${header}\n1,x7,1,,,,\n`, 'utf16le'),
    'in the header and "Amount" in the source',
  ],
  ['no gzip', 'packed/plain.csv.gz', `${header}\n1,x6,1,,,,\n`, 'gzip: incorrect header check'],
])('a CSV with %s is parked, and nothing of it is loaded', async (_, key, body, reason) => {
  const beside = key.replace(/[^/]+(?=\.csv)/, (name) => `beside-${name}`);
  const good = `${header}\n1,${beside.length}${key.length},1,,,,\n`;
  await world.put(beside, key.endsWith('.gz') ? gzipSync(good) : good);
  await world.put(key, body);
  await world.pass(1);
  const [[parked] = []] = await world.query(`select reason from mix.parked where object_key = '${key}'`);
  expect(parked).toContain(reason);
  expect(await world.query(`select object_key from mix.ledger where object_key in ('${key}', '${beside}')`)).toEqual([
    [beside],
  ]);
  expect(await events("id like 'x%'")).toEqual([]);
});

test('a Parquet file brings its values as they are, whatever compresses them', async () => {
  await world.put('tables/p1.parquet', await parquet(row('p1'), ', compression zstd'));
  await world.put(
    'tables/p2.parquet',
    await parquet(row('p2').replace('0.5::double', "'nan'::double"), ', compression gzip'),
  );
  await world.pass(1);
  const found = await events("id like 'p_'");
  expect(found.map((fields) => fields.slice(0, 5))).toEqual([
    ['p1', '1.25', 2, 0.5, true],
    ['p2', '1.25', 2, null, true],
  ]);
  expect(JSON.parse(String(found[0]!.at(-1)))).toEqual({
    id: 'p1',
    order: { amount: 1.25, pieces: 2 },
    weight: 0.5,
    gift: true,
    at: '2026-01-01T10:00:00.500000Z',
    day: '2026-01-01',
  });
});

test.each([
  [
    'columns of other names',
    row('y1').replace('as gift', 'as present'),
    'column 5 is "present" in the schema and "gift" in the source',
  ],
  [
    'columns of other types',
    row('y2').replace('2::integer', '2::bigint'),
    'incompatible Parquet schema for column pieces',
  ],
  [
    'a nested column',
    row('y3').replace('true as gift', "{'a': true, 'b': [1]} as gift"),
    'incompatible Parquet schema',
  ],
  ['a column too many', `${row('y4')}, 1 as more`, 'column 8 is "more" in the schema and nothing in the source'],
])('a Parquet file with %s is parked, the others are loaded', async (name, query, reason) => {
  const key = `tables/${name.replaceAll(' ', '-')}.parquet`;
  await world.put(key, await parquet(query));
  await world.put(`${key}-2.parquet`, await parquet(row(`z${name.length}`)));
  await world.pass(1);
  const [[parked] = []] = await world.query(`select reason from mix.parked where object_key = '${key}'`);
  expect(parked).toContain(reason);
  expect(await events("id like 'y%'")).toEqual([]);
  expect(await events(`id = 'z${name.length}'`)).toHaveLength(1);
});

test.each([
  ['nothing', ''],
  ['text', 'id,amount\n'],
  ['a Parquet file that was cut off', 'PAR1 and then PAR1'],
])('%s instead of Parquet is parked', async (name, body) => {
  const key = `tables/no-${name.length}.parquet`;
  await world.put(key, body);
  await world.pass(1);
  expect(await world.query(`select reason from mix.parked where object_key = '${key}'`)).toEqual([
    [expect.stringContaining('not a Parquet file')],
  ]);
});

test('a file that was overwritten before its load is looked at as the copy of its version', async () => {
  const { cloud } = world;
  cloud.faults.pause();
  await world.put('sheets/over.csv', `id,${header}\n1,shifted,1,,,,,\n`);
  await world.put('sheets/over.csv', `${header}\n1,o1,1,,,,\n`);
  await world.put('sheets/over.csv', `${header}\n1,o2,1,,,,\n`);
  await world.pass(1);
  cloud.faults.resume();
  await world.pass(180);
  expect((await events("id in ('o1', 'o2', 'shifted')")).map(([id]) => id)).toEqual(['o1', 'o2']);
  expect(await world.query("select reason from mix.parked where object_key = 'sheets/over.csv'")).toEqual([
    [expect.stringContaining('column 1 is "id" in the header')],
  ]);
});

test('nothing is left between the files and the tables', async () => {
  const [[staged] = []] = await world.query('select count(*) from mix.staged');
  expect(staged).toBe(0);
  const [[read, placed] = []] = await world.query(
    'select sum(rows_read), sum(events + duplicates + rejects) from mix.runs',
  );
  expect(read).toBe(placed);
});
