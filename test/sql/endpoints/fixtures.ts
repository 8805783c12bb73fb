import type { EndpointDefinition, Pipeline } from '../../../pipelines/definition';
import { aPipeline, aView } from '../fixtures';

export const views = [
  aView('orders', "select event_id, id, kind, amount, pieces, at from shop.events where kind = 'a'"),
  aView(
    'hourly',
    "select date_trunc('hour', at) as hour, kind, count(*) as orders, sum(amount) as amount from shop.orders group by 1, 2",
  ),
];

export const anEndpoint = (query: string, overrides: Partial<EndpointDefinition> = {}): EndpointDefinition => ({
  name: 'revenue',
  query,
  file: 'pipelines/shop/endpoints/revenue.sql',
  ...overrides,
});

export const withEndpoint = (query: string, overrides: Partial<EndpointDefinition> = {}): Pipeline =>
  aPipeline({ views, endpoints: [anEndpoint(query, overrides)] });
