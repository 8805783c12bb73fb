import fc from 'fast-check';
import { openDatabase } from './test/local/warehouse/sql/database';
import { grammar } from './test/local/warehouse/sql/grammar';
(async () => {
  const db = await openDatabase();
  await db.run(`create schema shop;
    create table shop.t (id bigint, small smallint, name varchar(8), price decimal(10,2), at timestamp, ratio double precision, raw varbyte, payload super);
    create table shop.u (k int, label varchar(10), code char(3), day date, open boolean); insert into shop.t (id,name) values (1,'x'); insert into shop.u values (1,'x','x',null,null)`);
  const rows: [number, number, number, string][] = []; let tt = 0, rt = 0;
  for (const v of fc.sample(grammar.v, { numRuns: 400, seed: 11 })) { const sql = `select ${v} as v from shop.t t join shop.u u on u.k = t.id`;
    const t0 = performance.now(); let s; try { s = db.translate(sql, { p: '1' }); } catch { tt += performance.now() - t0; continue; }
    const t1 = performance.now(); try { await db.run(sql, { p: '1' }); } catch {} const t2 = performance.now(); tt += t1 - t0; rt += t2 - t1;
    rows.push([t1 - t0, t2 - t1, (s[0] as any).duckdb.length, v]); }
  rows.sort((a, b) => b[1] - a[1]); console.log(tt, rt); for (const r of rows.slice(0, 12)) console.log(r[0].toFixed(0), r[1].toFixed(0), r[2], r[3].slice(0, 200));
  process.exit(0);
})();
