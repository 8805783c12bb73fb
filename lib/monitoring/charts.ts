/** The charts of a pipeline, on the page as on the dashboard. */
export const charts = {
  throughput: { title: 'Throughput', unit: 'records merged' },
  freshness: { title: 'Freshness', unit: 'seconds from arrival to merge, longest' },
  pending: { title: 'Pending', unit: 'records' },
  rejects: { title: 'Rejects by reason', unit: 'records' },
  statements: { title: 'Duration of a statement', unit: 'seconds, longest by kind' },
  duration: { title: 'Duration of a refresh with work', unit: 'seconds, longest' },
  exportAge: { title: 'Age of the newest export', unit: 'hours since the end of its window' },
} as const;
