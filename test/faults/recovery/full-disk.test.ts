import { testRecovery } from './property';

testRecovery('the disk below the local stores was full');
