import { secondTierTest } from '../../support/tier';
import { testRecovery } from './property';

testRecovery('S3 asked for fewer requests', secondTierTest);
