import { archiveFunction } from './archive';
import { createHost } from './host';

export const handler = archiveFunction(createHost());
