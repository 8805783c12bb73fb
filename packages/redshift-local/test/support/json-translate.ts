import { again, type Statement, type Translate } from '../../src/statement';

/** A front end whose language is the contract itself: the text is the JSON of `{ reads?, statement }[]`. */
export const translateJson: Translate = function* (sql, catalog) {
  for (const { reads = [], statement } of JSON.parse(sql) as { reads?: string[]; statement: Statement }[]) {
    do {
      for (const read of reads) {
        const [schema, name] = read.split('.') as [string, string];
        if (!catalog.find(schema, name)) throw new Error(`relation "${read}" does not exist`);
      }
      if (statement.kind === 'create-streaming-view') catalog.externalSchema(statement.externalSchema);
    } while ((yield statement) === again);
  }
};

export const say = (...statements: (Statement | { reads: string[]; statement: Statement })[]): string =>
  JSON.stringify(statements.map((statement) => ('statement' in statement ? statement : { statement })));
