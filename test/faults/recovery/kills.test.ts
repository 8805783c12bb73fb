import { testRecovery } from './property';

testRecovery('functions were killed between two calls', 40, { deliveries: false, statements: false, kills: true });
