import { lambdaHandler } from '../shared/lambda-handler';
import { env } from './contract';
import { exportFunction } from './export';
import { createHost } from './host';

export const handler = lambdaHandler(exportFunction(createHost(env.read())));
