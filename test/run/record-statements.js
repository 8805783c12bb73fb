// With MILLRACE_STATEMENTS, the statements that functions and commands submit in the tests are appended to that file, for .ci/check_sql.py.
const file = process.env.MILLRACE_STATEMENTS;
if (file) {
  const { appendFileSync } = require('node:fs');
  const { Executor } = require('../../packages/redshift-local/src/data-api/executor.ts');
  const { start } = Executor.prototype;
  Executor.prototype.start = function recorded(record, connection) {
    if (record.name?.startsWith('millrace/'))
      for (const { sql } of record.members) appendFileSync(file, `${JSON.stringify({ from: record.name, sql })}\n`);
    return start.call(this, record, connection);
  };
}
