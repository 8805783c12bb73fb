import { testRecovery } from './property';

testRecovery('nothing went wrong');
