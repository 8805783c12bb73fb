export { literalPrefix, literalPrefixes } from '../../lambda/load/contract';
