/** Statements of the corpus that Redshift does not take either, with what says so: a syntax error is right for them. */
export const explained: readonly { readonly pattern: RegExp; readonly why: string }[] = [];
