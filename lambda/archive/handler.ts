import { consoleLog } from '../shared/log';
import { archive, parseTransformation } from './archive';

export const handler = async (event: unknown) => archive(parseTransformation(event), consoleLog);
