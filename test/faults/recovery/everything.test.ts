import { testRecovery } from './property';

testRecovery('all of it at once', 60, { deliveries: true, statements: true, kills: true, hurry: true });
