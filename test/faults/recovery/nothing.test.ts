import { secondTierTest } from '../../support/tier';
import { testRecovery } from './property';

testRecovery('nothing went wrong', secondTierTest);
