import type { Tested } from '../../cli/trial/outcome';
import type { TestWarehouse } from '../sql/warehouse';

/** The warehouse of a suite, as outcomes read it. */
export const testedBy = (warehouse: TestWarehouse): Tested => ({
  async result(sql) {
    const { columns, records } = await warehouse.result(sql);
    return { columns: columns.map(({ name, type }) => ({ name, type: type.name })), rows: records };
  },
  answer: (sql, values) => warehouse.answer(sql, values),
});
