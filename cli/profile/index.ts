/**
 * Reads a sample of records and says what its fields are. It knows no command, no pipeline and no warehouse: bytes go
 * in, fields with types and reasons come out.
 */
export { type Block, blocksOf, mostBytes, type SampleReport, sampled } from './blocks';
export { CsvReader, cellText, type Row } from './csv-reader';
export { bytesFor, type ColumnShape, type Decision, decide } from './decide';
export { type Field, mostFields } from './field';
export { eventTimeScore, personalHint, wordsOf } from './hints';
export { type IdentityCandidate, pathText } from './identity';
export { type Faulty, type Format, headerNames, mostRecordBytes, type Profile, profile, rowFault } from './profile';
