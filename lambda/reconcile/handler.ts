import { lambdaHandler } from '../shared/lambda-handler';
import { env } from './contract';
import { createHost } from './host';
import { reconcileFunction } from './reconcile';

export const handler = lambdaHandler(reconcileFunction(createHost(env.read())));
