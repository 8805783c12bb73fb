import { lambdaHandler } from '../shared/lambda-handler';
import { env } from './contract';
import { createHost } from './host';
import { loadFunction } from './load';

export const handler = lambdaHandler(loadFunction(createHost(env.read())));
