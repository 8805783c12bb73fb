import { testRecovery } from './property';

testRecovery('statements failed, were aborted or slow, or lost their answer');
