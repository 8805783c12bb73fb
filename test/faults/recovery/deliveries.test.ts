import { testRecovery } from './property';

testRecovery('deliveries were lost, doubled, reordered and late');
