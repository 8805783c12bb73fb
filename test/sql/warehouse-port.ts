import type { Row, StatementState, StatementStatus, Submission, Warehouse } from '../../lambda/shared/warehouse';
import type { TestWarehouse } from './warehouse';

/** The port of commands and functions over a test's warehouse. Every statement has ended when its submission returns. */
export function warehousePort(warehouse: () => TestWarehouse): Pick<Warehouse, 'submit' | 'describe' | 'rows'> {
  const states = new Map<string, StatementState>();
  const results = new Map<string, Row[]>();
  return {
    async submit(submission: Submission) {
      const id = `statement-${states.size + 1}`;
      const { status, error, results: found } = await warehouse().run(submission);
      const parts = found.map((rows, index) => {
        results.set(`${id}:${index + 1}`, rows);
        return { id: `${id}:${index + 1}`, status };
      });
      results.set(id, found[0] ?? []);
      const state = { id, status: status as StatementStatus, parts, createdAt: 0, updatedAt: 0 };
      states.set(id, error === undefined ? state : { ...state, error });
      return { id };
    },
    describe: async (id) => states.get(id)!,
    rows: async (id) => results.get(id)!,
  };
}
