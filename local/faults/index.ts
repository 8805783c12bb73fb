export type { CallFault, Deliveries, DeliveryPoint, Kill } from 'aws-local';
export {
  lostConnection,
  notReached,
  type ScanFault,
  type StatementFault,
  serializableConflict,
} from 'redshift-local';
export { composeFaults, createFaults, type FaultSource, type Faults } from './faults';
export { type FaultScript, scriptedFaults } from './sources';
