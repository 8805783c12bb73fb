import { makePlan } from '../../../cli/plan/make-plan';
import { edits, sidesOf } from './edits';
import { shop, withView } from './sample';

const queriesOf = (before: ReturnType<typeof shop>[], after: ReturnType<typeof shop>[]) =>
  Object.fromEntries(
    makePlan('prod', 'the registry', sidesOf({ before, after })).changes.flatMap(({ object, query }) =>
      query === undefined ? [] : [[object, query]],
    ),
  );

test('a changed view has its query on both sides, over names without versions', () => {
  const query = "select kind, amount, at from shop.events where kind = 'return'";
  expect(queriesOf([shop()], [withView('sold', query)])).toEqual({
    'view shop.sold': { before: "select kind, amount, at from shop.events where kind = 'sale'", after: query },
    // It reads the view, so it is filled again with the same query.
    'view shop.hourly_sold': {
      before:
        "select date_trunc('hour', at) as hour, sum(amount) as amount from shop.sold group by date_trunc('hour', at)",
      after:
        "select date_trunc('hour', at) as hour, sum(amount) as amount from shop.sold group by date_trunc('hour', at)",
    },
  });
});

test('an added view has no query before, and a removed one none after', () => {
  const [sold, hourly] = shop().views;
  expect(queriesOf([shop()], [shop({ views: [sold!] })])).toEqual({
    'view shop.hourly_sold': { before: hourly!.query, after: null },
  });
  expect(queriesOf([shop({ views: [sold!] })], [shop()])).toEqual({
    'view shop.hourly_sold': { before: null, after: hourly!.query },
  });
});

test('a change of something without a query has none', () => {
  for (const { query, object } of makePlan('prod', 'x', sidesOf(edits['column-added']!)).changes)
    expect([object, query]).toEqual([object, /^view /.test(object) ? query : undefined]);
});
