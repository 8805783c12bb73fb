/** Where an invocation of a function ends without a word: at its nth call of AWS (1 is the first), before it is made or after its answer. */
export interface Kill {
  readonly call: number;
  readonly after: boolean;
}
