import { lambdaHandler } from '../shared/lambda-handler';
import { env } from './contract';
import { endpointFunction } from './endpoint';
import { createHost } from './host';

export const handler = lambdaHandler(endpointFunction(createHost(env.read())));
