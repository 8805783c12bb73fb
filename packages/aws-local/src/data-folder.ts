/** The parts of a runtime's data folder that another process may read. */
export { readToken } from 'aws-local-kit/folder';
export { openState } from './cloudformation/state';
export { messagesOnDisk } from './sqs/look';
