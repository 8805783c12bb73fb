import type { Kinds } from './scenarios';

/** The kinds of faults by description. `usual` is the usual number of runs, and the share of any other number. */
export const kinds = {
  'nothing went wrong': { usual: 6, deliveries: false, statements: false, kills: false, hurry: true },
  'deliveries were lost, doubled, reordered and late': { usual: 28, deliveries: true, statements: false, kills: false },
  'statements failed, were aborted or slow, or lost their answer': {
    usual: 28,
    deliveries: false,
    statements: true,
    kills: false,
  },
  'functions were killed between two calls': { usual: 28, deliveries: false, statements: false, kills: true },
  'system views showed late what a transaction did': {
    usual: 28,
    deliveries: false,
    statements: false,
    kills: false,
    systemViews: true,
  },
  'records made every statement fail that typed them': {
    usual: 28,
    deliveries: false,
    statements: false,
    kills: false,
    raising: true,
  },
  'streaming ingestion skipped records': {
    usual: 28,
    deliveries: false,
    statements: false,
    kills: false,
    systemViews: true,
    scans: true,
  },
  'clocks of functions were wrong and stepped back': {
    usual: 28,
    deliveries: false,
    statements: false,
    kills: false,
    clocks: true,
  },
  'functions timed out in the middle of a batch': {
    usual: 28,
    deliveries: false,
    statements: false,
    kills: false,
    hangs: true,
  },
  'S3 asked for fewer requests': { usual: 28, deliveries: false, statements: false, kills: false, slowS3: true },
  'transactions ran side by side': {
    usual: 56,
    deliveries: false,
    statements: false,
    kills: false,
    interleave: true,
  },
  'the disk below the local stores was full': {
    usual: 28,
    deliveries: false,
    statements: false,
    kills: false,
    fullDisk: true,
  },
  'all of it at once': {
    usual: 72,
    deliveries: true,
    statements: true,
    kills: true,
    systemViews: true,
    scans: true,
    hurry: true,
    raising: true,
    clocks: true,
    hangs: true,
    slowS3: true,
    fullDisk: true,
  },
} as const satisfies Readonly<Record<string, Kinds & { readonly usual: number }>>;

export type KindName = keyof typeof kinds;
