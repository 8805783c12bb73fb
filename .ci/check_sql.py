"""Parses every distinct statement under sqlfluff's Redshift grammar. Exit code 1 for what nobody explains below.

Arguments: files of JSON lines, either {"from", "sql"} or the journal of a local warehouse. Of the files after `--share K/N` only every Nth distinct
statement is parsed, beginning with the Kth from 0. By hand: pip install sqlfluff==4.5.0, then
    npm run --silent sql >compiled.jsonl && python .ci/check_sql.py compiled.jsonl .millrace/warehouse/statements.jsonl
"""

import concurrent.futures
import hashlib
import json
import os
import re
import sys

from sqlfluff.core import FluffConfig, Linter

# What the grammar cannot parse although Redshift can, and the page of the developer guide that shows it. A line that explains nothing is
# told and no failure: which statements the second tier of the tests adds depends on the day.
GUIDE = "https://docs.aws.amazon.com/redshift/latest/dg/"
EXPLAINED = [
    (r"\bfrom\b.* at \w+", GUIDE + "query-super.html", "FROM has positions of elements: AT"),
    (r"^create table .*foreign key \(\w+\) references [\w.]+\)", GUIDE + "r_CREATE_TABLE_NEW.html", "the column that a key refers to may be left out"),
    (r"^(?:[^'\"]|'[^']*'|\"[^\"]*\")*[^\x00-\x7f]", GUIDE + "r_names.html", "names hold letters beyond ASCII"),
    (r"^alter table \S+ add column id int identity", GUIDE + "r_ALTER_TABLE.html", "a case that has to fail: no IDENTITY is added"),
    (r"^alter materialized view \S+ auto refresh", GUIDE + "r_ALTER_MATERIALIZED_VIEW.html", "the statement"),
    (r"^refresh materialized view \S+ cascade", GUIDE + "materialized-view-refresh-sql-command.html", "CASCADE"),
    (r"^create table \S+ \(a int check", GUIDE + "r_CREATE_TABLE_NEW.html", "a case that has to fail: there are no such constraints"),
    (r"nosuchtype", GUIDE + "c_Supported_data_types.html", "a case that has to fail: types are words of the grammar"),
    (r"from \S+ \w+, unpivot \S+ as \w+ order by", GUIDE + "query-super.html", "UNPIVOT of an object without AT"),
    (r"^grant [\w, ]+ on \S+ to [^,]+,", GUIDE + "r_GRANT.html", "several that are granted to"),
    (r" unpivot include nulls \(", GUIDE + "r_FROM_clause-pivot-unpivot-examples.html", "UNPIVOT of rows with its NULLs"),
    (r"^analyze .* predicate columns$", GUIDE + "r_ANALYZE.html", "PREDICATE COLUMNS behind a list of columns"),
    (r"^explain truncate", GUIDE + "r_EXPLAIN.html", "a case that has to fail: TRUNCATE has no plan"),
    (r"^show view \S+$", GUIDE + "r_SHOW_VIEW.html", "the name of a schema before that of the view"),
    (r"^unload .* kms_key_id '.*' encrypted", GUIDE + "r_UNLOAD.html", "the key before ENCRYPTED"),
    (r"isolation level chaos", GUIDE + "r_ALTER_DATABASE.html", "a case that has to fail: there are two levels"),
    (r"^savepoint", GUIDE + "c_unsupported-postgresql-features.html", "a case that has to fail: there are no savepoints"),
    (r"^delete c_s\.t", GUIDE + "r_DELETE.html", "FROM may be left out"),
    (
        r"^select 1 as identity",
        "https://github.com/awslabs/amazon-redshift-utils/blob/master/src/AdminScripts/table_info.sql",
        "AS takes reserved words as the name of a result",
    ),
]

LITERAL = re.compile(r"'(?:[^'\\]|''|\\.)*'", re.DOTALL)
UNLOADED = re.compile(r"^\s*unload\s*\(\s*('(?:[^'\\]|''|\\.)*'|\$\$.*?\$\$)\s*\)", re.IGNORECASE | re.DOTALL)


def statements(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue  # the last line of a journal may be torn
            for sql in [record["sql"]] if "sql" in record else [member["sql"] for member in record["members"]]:
                yield record.get("from") or record.get("name") or path, sql


def with_queries(sql):
    """The statement, and the query of an UNLOAD, which is a literal of the statement."""
    yield sql
    found = UNLOADED.match(sql)
    if found:
        text = found[1]
        yield text[2:-2] if text.startswith("$$") else text[1:-1].replace("''", "'").replace("\\\\", "\\")


def same(sql):
    """What statements have in common that differ in values, versions and blanks alone."""
    text = LITERAL.sub("'x'", sql)
    text = re.sub(r"\b[0-9a-f]{8}\b|\b\d+(?:\.\d+)?\b", "1", text)
    text = re.sub(r"('x'|1)(\s*,\s*\1)+", r"\1", text)
    return re.sub(r"\s+", " ", text).strip().lower()


def bound(sql):
    """With values in the place of the Data API's named parameters, which the service binds."""
    return re.sub(r"('(?:[^'\\]|''|\\.)*')|(?<![:\w]):[a-z_]\w*", lambda found: found[1] or "'x'", sql, flags=re.DOTALL)


linter = None


def problem(sql):
    """Where the statement stops being one for the grammar; None where it is one to its end."""
    global linter
    linter = linter or Linter(config=FluffConfig(overrides={"dialect": "redshift", "templater": "raw"}))
    violations = linter.parse_string(bound(sql)).violations
    return f"line {violations[0].line_no}, position {violations[0].line_pos}: {violations[0].desc()}" if violations else None


def collect(arguments):
    """Distinct statements, each with where it is from."""
    distinct = {}
    share, shares = 0, 1
    arguments = iter(arguments)
    for argument in arguments:
        if argument == "--share":
            share, shares = map(int, next(arguments).split("/"))
            continue
        for origin, sql in statements(argument):
            for text in with_queries(sql):
                key = same(text)
                if key not in distinct and int(hashlib.sha256(key.encode()).hexdigest(), 16) % shares == share:
                    distinct[key] = (origin, text)
    return distinct


def main(arguments):
    distinct = collect(arguments)
    if not distinct:
        sys.exit("no statements: npm run sql > FILE, then check_sql.py FILE")
    # The longest first, so that no process ends with one of them.
    found = sorted(distinct.values(), key=lambda item: -len(item[1]))
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        problems = list(pool.map(problem, [sql for _, sql in found], chunksize=1))
    unexplained, used = [], set()
    for (origin, sql), said in zip(found, problems):
        if said is None:
            continue
        known = [line for line in EXPLAINED if re.search(line[0], sql, re.IGNORECASE | re.DOTALL)]
        used.update(line[0] for line in known)
        if not known:
            unexplained.append(f"{origin}\n    {said}\n    {re.sub(chr(10), chr(10) + '    ', sql[:2000])}")
    idle = [f"nothing is explained by {line[0]}" for line in EXPLAINED if line[0] not in used]
    print("\n".join(unexplained + idle))
    refused = sum(said is not None for said in problems)
    print(f"{len(found)} distinct statements, {refused} that the grammar cannot parse, {len(unexplained)} of them unexplained")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
