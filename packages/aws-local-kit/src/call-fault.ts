/** What happens to one call of an API: it is refused as too many, or it takes effect and its answer is lost. */
export type CallFault = 'throttle' | 'answer-lost';
