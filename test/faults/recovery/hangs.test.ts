import { secondTierTest } from '../../support/tier';
import { testRecovery } from './property';

testRecovery('functions timed out in the middle of a batch', secondTierTest);
