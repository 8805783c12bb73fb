import { compileViews } from '../../../sql/views/compiled-views';
import { relationReferences } from '../../../sql/views/relations';
import { aPipeline, aView } from '../fixtures';

const relations = (sql: string) =>
  relationReferences(sql).map(({ schema, name }) => [schema, name].filter(Boolean).join('.'));

describe('relations of a query', () => {
  test.each([
    ['select a from shop.events', ['shop.events']],
    ['select e.a from shop.events e inner join shop.sold as s on s.a = e.a', ['shop.events', 'shop.sold']],
    ['select a from shop.events e, shop.sold s where e.a = s.a', ['shop.events', 'shop.sold']],
    ['select extract(hour from shop.at), b from "shop"."events"', ['shop.events']],
    [`select 'from shop.other', a -- from shop.gone\nfrom shop.events`, ['shop.events']],
    ['select a from (select b from shop.events) as t', ['shop.events']],
    ['select count(*) from shop.events group by a, b', ['shop.events']],
  ])('%s', (sql, expected) => {
    expect(relations(sql)).toEqual(expected);
  });
});

describe('views', () => {
  const sold = aView('sold', '-- One row: a sale.\nselect id, amount, at from shop.events');
  const totals = aView('a_totals', `select sum(s.amount) as "shop.sold" from shop.sold s where s.id <> 'shop.sold'`);

  test('are created after those that they read, under versioned names', () => {
    const [first, second] = compileViews(aPipeline({ views: [totals, sold] }));
    expect(first).toMatchObject({
      publicName: 'shop.sold',
      query: 'select id, amount, at from shop.events_51d923f4 as events',
      reads: [],
    });
    expect(first!.physicalName).toMatch(/^shop\.sold_[0-9a-f]{8}$/);
    expect(second).toMatchObject({
      name: 'a_totals',
      reads: ['sold'],
      query: `select sum(s.amount) as "shop.sold" from ${first!.physicalName} s where s.id <> 'shop.sold'`,
    });
  });

  test('an edit gives a new version to the view and to what stands on it, a comment does not', () => {
    const versions = (query: string) =>
      compileViews(aPipeline({ views: [{ ...sold, query }, totals] })).map(({ hash }) => hash);
    const before = versions(sold.query);
    expect(versions(`${sold.query} -- all of them`)).toEqual(before);
    const after = versions(`${sold.query} where amount > 0`);
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });

  test('a circle is an error that shows its chain', () => {
    const views = [
      aView('a', 'select x from shop.b'),
      aView('b', 'select x from shop.c'),
      aView('c', 'select x from shop.b'),
    ];
    expect(() => compileViews(aPipeline({ views }))).toThrow(
      'pipelines.shop.views read each other in a circle: b → c → b',
    );
  });

  test.each([
    ['select a from shop.event', 'shop.event'],
    ['select a from other.events', 'other.events'],
    ['select a from events', 'events'],
    ['select a from shop.staged', 'shop.staged'],
  ])('%s is refused', (query, name) => {
    expect(() => compileViews(aPipeline({ views: [aView('v', query)] }))).toThrow(
      `pipelines.shop.views.v (views/v.sql) reads ${name}, which is not one of shop.events, `,
    );
  });
});
