import type { Warehouses } from '../warehouses';
import { openPrompt, proofOf, unknownDatabase, type WireLogins } from './logins';

/** The users of the warehouses of a runtime, with the passwords that their secrets hold. */
export function warehouseLogins(warehouses: Warehouses, refusal: () => string | undefined): WireLogins {
  return {
    refusal,
    async find(user, database) {
      const all = warehouses.all();
      const found = all.find((warehouse) => warehouse.database === database);
      const engine = (found ?? all[0])?.engine;
      return {
        proof: engine && proofOf(engine, user),
        async open() {
          if (!found) throw unknownDatabase(database);
          return openPrompt(found.engine, user);
        },
      };
    },
  };
}
