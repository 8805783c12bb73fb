/** A fault of one API call: it is throttled, or it takes effect but its response is lost. */
export type CallFault = 'throttle' | 'answer-lost';
