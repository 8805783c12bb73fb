import { testRecovery } from './property';

testRecovery('nothing went wrong', 10, { deliveries: false, statements: false, kills: false, hurry: true });
