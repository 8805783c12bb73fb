import { secondTierTest } from '../../support/tier';
import { testRecovery } from './property';

testRecovery('records made every statement fail that typed them', secondTierTest);
