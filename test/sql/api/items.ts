import type { EndpointItem } from '../../../lambda/endpoint/contract';
import { item } from '../../lambda/endpoint/host';

/** Endpoints with every type of parameter and column. */
export const items: readonly EndpointItem[] = [
  item({ description: 'Revenue by hour. A comment may end here: */' }),
  item({
    name: 'everything',
    description: 'Two\nlines',
    tenant: 'customer_id',
    params: [
      { name: 'customer_id', type: 'varchar', required: true, maxBytes: 20 },
      { name: 'action', type: 'varchar', required: false, oneOf: ['view', 'cart'] },
      { name: 'seen', type: 'bigint', required: true, min: '0' },
      { name: 'price', type: 'decimal', required: false, precision: 5, scale: 2, min: '0', max: '99.5' },
      { name: 'paid', type: 'boolean', required: false, default: 'true' },
      { name: 'day', type: 'date', required: false, max: '2030-01-01' },
      { name: 'since', type: 'timestamp', required: false, description: 'The first moment.' },
    ],
    columns: [
      { name: 'a', type: 'smallint' },
      { name: 'b', type: 'bigint' },
      { name: 'c', type: 'double precision' },
      { name: 'd', type: 'boolean' },
      { name: 'e', type: 'date' },
      { name: 'f', type: 'timestamptz' },
      { name: 'g', type: 'super' },
      { name: 'odd name', type: 'varchar(16)' },
      { name: 'h', type: 'decimal(12,2)' },
    ],
  }),
  item({ pipeline: 'pageviews', name: 'pages', params: [], clauses: [] }),
];
