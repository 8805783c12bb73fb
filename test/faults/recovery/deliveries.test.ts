import { testRecovery } from './property';

testRecovery('deliveries were lost, doubled, reordered and late', 50, {
  deliveries: true,
  statements: false,
  kills: false,
});
