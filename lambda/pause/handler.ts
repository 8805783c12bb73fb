import { lambdaHandler } from '../shared/lambda-handler';
import { env } from './contract';
import { createHost } from './host';
import { pauseFunction } from './pause';

export const handler = lambdaHandler(pauseFunction(createHost(env.read())));
