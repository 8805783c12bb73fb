import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { csvField, parquet } from '../support/files';
import { SeamWorld } from '../support/seam';
import { cases, seedOf } from '../support/tier';
import { csvColumns, mixedPipeline } from './pipeline';

let world: SeamWorld;

beforeAll(async () => {
  world = await SeamWorld.open(mixedPipeline);
});
afterAll(() => world.dispose());

const runs = cases(2, 8);

type Place = 'stream' | 'lines' | 'sheets' | 'packed' | 'tables';
const everywhere: readonly Place[] = ['stream', 'lines', 'sheets', 'packed', 'tables'];

interface Event {
  readonly id: string;
  /** In hundredths. */
  readonly amount: number | null;
  readonly pieces: number | null;
  readonly gift: boolean | null;
  readonly note: string | null;
  readonly places: readonly Place[];
}

/** What makes trouble in files of text. CSV cannot tell an empty text from none, and `\N` stands for none. */
const note = fc
  .string({
    unit: fc.constantFrom('a', '"', ',', '\n', '\r', ';', ' ', "'", '\\', 'ß', '😀', '\t', '{{', '0'),
    minLength: 1,
    maxLength: 12,
  })
  // The last half of a line end is taken off where a line ends.
  .filter((text) => text !== '\\N' && !text.endsWith('\r'));

const event = fc.record({
  amount: fc.option(fc.integer({ min: -(10 ** 11), max: 10 ** 11 })),
  pieces: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  gift: fc.option(fc.boolean()),
  note: fc.option(note),
  places: fc.subarray([...everywhere], { minLength: 1 }),
});

const decimal = (hundredths: number) =>
  `${hundredths < 0 ? '-' : ''}${Math.floor(Math.abs(hundredths) / 100)}.${String(Math.abs(hundredths) % 100).padStart(2, '0')}`;

/** Parquet files have no note here. */
const jsonOf = ({ id, amount, pieces, gift, note: text }: Event) =>
  `{"id":"${id}","order":{"amount":${amount === null ? null : decimal(amount)},"pieces":${pieces}},"gift":${gift},"note":${JSON.stringify(text)}}`;

function csvOf(events: readonly Event[], lineEnd: string): string {
  const header = csvColumns.map(({ name }) => csvField(name)).join(',');
  const rows = events.map(({ id, amount, pieces, gift, note: text }) =>
    [amount === null ? '' : decimal(amount), id, pieces ?? '', text ?? '', gift ?? '', '', '']
      .map((value) => csvField(String(value)))
      .join(','),
  );
  return [header, ...rows, ''].join(lineEnd);
}

function parquetOf(events: readonly Event[]): Promise<Buffer> {
  const rows = events.map(
    ({ id, amount, pieces, gift }) =>
      `('${id}', ${amount === null ? 'null' : decimal(amount)}::decimal(12,2), ${pieces}::integer, null::double, ${gift}::boolean, null::timestamp, null::date)`,
  );
  return parquet(`select * from (values ${rows.join(', ')}) as t(id, amount, pieces, weight, gift, "at", day)`);
}

async function bring(place: Place, events: readonly Event[], name: string, windows: boolean): Promise<void> {
  if (events.length === 0) return;
  const csv = csvOf(events, windows ? '\r\n' : '\n');
  if (place === 'stream') {
    world.send(...events.map(jsonOf));
    await world.tick('refresh');
  }
  if (place === 'lines')
    await world.put(`lines/${name}.gz`, gzipSync(events.map((each) => `${jsonOf(each)}\n`).join('')));
  if (place === 'sheets') await world.put(`sheets/${name}.csv`, windows ? `\uFEFF${csv}` : csv);
  if (place === 'packed') await world.put(`packed/${name}.csv.gz`, gzipSync(csv));
  if (place === 'tables') await world.put(`tables/${name}.parquet`, await parquetOf(events));
}

test('events in any mixture of stream and formats are one event each, with their values', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 20 }),
      fc.shuffledSubarray([...everywhere], { minLength: everywhere.length }),
      fc.boolean(),
      async (shapes, order, windows) => {
        run += 1;
        const events = shapes.map((shape, index): Event => ({ ...shape, id: `p${run}-${index}` }));
        for (const place of order)
          await bring(
            place,
            events.filter(({ places }) => places.includes(place)),
            `p${run}`,
            windows,
          );
        await world.pass(1);
        const found = await world.query(
          `select id, amount, pieces, gift, note from mix.events where id like 'p${run}-%' order by len(id), id`,
        );
        expect(found.map((row) => row.slice(0, 4))).toEqual(
          events.map(({ id, amount, pieces, gift }) => [id, amount === null ? null : decimal(amount), pieces, gift]),
        );
        // A Parquet file has no note; where it came first, the event has none.
        for (const [index, { note: text, places }] of events.entries())
          expect(places.includes('tables') ? [text, null] : [text]).toContain(found[index]![4]);
        const [[copies] = []] = await world.query(
          `select count(*) from mix.duplicates d inner join mix.events e on e.event_id = d.event_id where e.id like 'p${run}-%'`,
        );
        expect(copies).toBe(events.reduce((sum, { places }) => sum + places.length - 1, 0));
        const [[rejected] = []] = await world.query('select count(*) from mix.rejects');
        expect(rejected).toBe(0);
      },
    ),
    { numRuns: runs, seed: seedOf(20261121) },
  );
}, 300_000);
