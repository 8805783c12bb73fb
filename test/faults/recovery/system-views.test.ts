import { testRecovery } from './property';

testRecovery('system views showed late what a transaction did');
