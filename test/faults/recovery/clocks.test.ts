import { secondTierTest } from '../../support/tier';
import { testRecovery } from './property';

testRecovery('clocks of functions were wrong and stepped back', secondTierTest);
