import { lambdaHandler } from '../shared/lambda-handler';
import { env } from './contract';
import { createHost } from './host';
import { refreshFunction } from './refresh';

export const handler = lambdaHandler(refreshFunction(createHost(env.read())));
