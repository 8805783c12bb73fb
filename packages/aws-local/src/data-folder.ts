/** What another process may read in the data folder of a runtime. */
export { openState } from './cloudformation/state';
export { messagesOnDisk } from './sqs/look';
