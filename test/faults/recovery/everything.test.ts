import { testRecovery } from './property';

testRecovery('all of it at once');
