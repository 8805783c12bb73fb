export { createFaults, type Faults } from './faults';
export { type FaultScript, scriptedFaults } from './script';
export type { CallFault, Deliveries, DeliveryPoint, FaultSource, Kill } from './source';
