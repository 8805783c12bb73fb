import { testRecovery } from './property';

testRecovery('statements failed, were aborted or slow, or lost their answer', 50, {
  deliveries: false,
  statements: true,
  kills: false,
});
