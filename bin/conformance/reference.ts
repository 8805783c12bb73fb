export const referencePath = 'docs/reference/local-warehouse.md';
export async function writeReference(): Promise<void> {}
