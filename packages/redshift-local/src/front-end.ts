/** The front end and the engine, without the Data API. */
export { Engine, type RunResult } from './engine/engine';
export type { ResultSet } from './engine/result';
export { systemViews } from './engine/system-views';
export { translate } from './sql';
export type { Expression, FromItem, Query, Reference, SelectCore, StatementNode } from './sql/ast';
export { catalogFunctions } from './sql/functions/catalog';
export { parseText } from './sql/inspect';
export type { RedshiftType } from './statement';
