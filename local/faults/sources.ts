import { type FaultScript as AwsFaultScript, scriptedFaults as scriptedAwsFaults } from 'aws-local';
import { turns } from 'aws-local-kit';
import type { CallFault, ScanFault, StatementFault, SystemViewLag } from 'redshift-local';
import type { FaultSource } from './faults';

/** Faults written out: the nth entry of a list is for the nth occasion, and after its end nothing goes wrong. */
export interface FaultScript extends AwsFaultScript {
  /** By purpose, the fourth part of a statement's name: `load`, `refresh`. Each purpose has its own count, so that what runs side by side does not take the other's turn. */
  readonly statements?: Readonly<Record<string, readonly (StatementFault | undefined)[]>>;
  readonly calls?: readonly (CallFault | undefined)[];
  /** Faults of refreshes of streaming views that find records. */
  readonly scans?: readonly (ScanFault | undefined)[];
  /** Texts that records have as an attribute: each makes every statement fail that types it. */
  readonly raising?: readonly string[];
  /** When the warehouse's system views show what a transaction did. @default - at once */
  readonly systemViews?: SystemViewLag;
}

export function scriptedFaults(script: FaultScript): FaultSource {
  const next = turns();
  return {
    ...scriptedAwsFaults(script),
    statement(name) {
      const purpose = name.split('/')[3] ?? '';
      return next(`statement/${purpose}`, script.statements?.[purpose]);
    },
    call: () => next('call', script.calls),
    scan: () => next('scan', script.scans),
    systemViews: () => script.systemViews,
    raising: () => script.raising ?? [],
  };
}
