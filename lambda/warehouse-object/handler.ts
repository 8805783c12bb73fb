import { lambdaHandler } from '../shared/lambda-handler';
import { env } from './contract';
import { createHost } from './host';
import { isCompleteFunction, onEventFunction } from './object';

const host = createHost(env.read());
export const onEvent = lambdaHandler(onEventFunction(host));
export const isComplete = lambdaHandler(isCompleteFunction(host));
