/** The parts of a runtime's data folder that another process may read. */
export { openState } from './cloudformation/state';
export { messagesOnDisk } from './sqs/look';
