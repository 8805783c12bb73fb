import { testRecovery } from './property';

testRecovery('functions were killed between two calls');
