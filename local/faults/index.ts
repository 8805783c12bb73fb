export * from './faults';
export { type FaultScript, scriptedFaults } from './sources';
