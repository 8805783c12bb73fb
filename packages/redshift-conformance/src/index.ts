/** SQL cases with the result that Amazon Redshift's documentation gives, and the code that runs them. */
export { ConformanceError } from './error';
export { removeOldMarks, withoutMarks } from './marks';
export { type Case, type Edge, edges, pageUrl, readPack, readTopic, type Step, type Topic } from './pack';
export { type Report, reportOf, writeReport } from './report';
export { type CaseResult, requireAnswer, runCases } from './run';
export { awsSurroundings, bucketOver, putRecords, type Surroundings } from './surroundings';
export { type Target, type TargetOptions, targetOf } from './target';
