"""Runs the project of `millrace dbt init` with the models of .ci/dbt beside it, and compares the copies with the events.

Needs the variables of `millrace endpoints`.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import psycopg

CI = pathlib.Path(__file__).parent
MILLRACE = ["node", str(CI.parent / "bin" / "millrace.js")]
DBT = pathlib.Path(sys.executable).parent / "dbt"
PIPELINES = ("estore", "pageviews")
SCHEMA = "dbt_dev"
# Without a look-back only the differences between runs decide what is copied.
NO_LOOK_BACK = ("--vars", "{millrace_look_back_hours: 0}")
RELOADED = "reloaded by check_dbt"


def run(command, timeout, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
    assert done.returncode == 0, (command, done.returncode, done.stdout[-8000:], done.stderr)
    return done.stdout


def dbt(folder, *args):
    return run([str(DBT), "--no-use-colors", *args], 500, cwd=folder, env={**os.environ, "DO_NOT_TRACK": "1"})


def generate(folder):
    run([*MILLRACE, "dbt", "init", str(folder)], 120)
    run([*MILLRACE, "dbt", "init", str(folder), "--check"], 120)
    for part in ("models", "seeds", "snapshots", "tests"):
        shutil.copytree(CI / "dbt" / part, folder / part / "mine")
    dbt(folder, "--warn-error", "parse")


def build(folder, connection, *args):
    """Builds, and compares each copy with all events that were merged before the build."""
    (begun,) = connection.execute("select getdate()").fetchone()
    dbt(folder, *args)
    return [compare(connection, pipeline, begun) for pipeline in PIPELINES]


def compare(connection, pipeline, begun):
    events, copy = f"{pipeline}.events", f"{SCHEMA}.stg_{pipeline}__events"
    found = connection.execute(f"select * from {copy} limit 0").description
    columns = ", ".join(column.name for column in found if column.name != "_millrace_version")
    copied = f"run_id in (select run_id from {copy})"

    def amount(query):
        return connection.execute(f"select count(*) from ({query}) as rows_of").fetchone()[0]

    assert amount(f"select 1 from {events} where not ({copied}) and merged_at < '{begun}'") == 0, "a run is missing"
    for one, other in ((f"{events} where {copied}", copy), (copy, f"{events} where {copied}")):
        different = amount(f"select {columns} from {one} except select {columns} from {other}")
        assert different == 0, f"{different} rows of {one} are not in {other}"
    rows = amount(f"select 1 from {copy}")
    assert rows == amount(f"select 1 from {events} where {copied}") > 0, (pipeline, rows)
    return rows


def send_more(connection):
    """Sends events of which a third is hours old, and waits until all are merged."""
    def events():
        return connection.execute("select count(*) from estore.events").fetchone()[0]

    wanted = events() + 300
    generated = ["generate", "--stream", "millrace-dev-estore", "--events", "300", "--late", "0.3", "--seed", str(time.time())]
    run([*MILLRACE, *generated], 120)
    deadline = time.monotonic() + 240
    while events() < wanted:
        assert time.monotonic() < deadline, f"{wanted - events()} events are not merged after 240 s"
        time.sleep(2)


def correct(connection):
    """Does what a second load of a run does, with other values, and removes events of this run and of another one.

    Returns a function that undoes it.
    """
    (table,) = connection.execute("select tablename from pg_tables where schemaname = 'estore' and tablename like 'events_%'").fetchone()
    table = f"estore.{table}"
    runs = f"select run_id from {table} group by run_id having count(*) >= 3 order by max(merged_at) limit 2"
    (first,), (second,) = connection.execute(runs).fetchall()
    connection.execute(f"create temp table kept as select * from {table} where run_id in (%s, %s)", (first, second))
    with connection.transaction():
        for of_run in (first, second):
            removed = f"select min(event_id) from kept where run_id = '{of_run}'"
            connection.execute(f"delete from {table} where event_id = ({removed})")
        connection.execute(
            f"update {table} set price = coalesce(price, 0) + 1, run_id = %s, merged_at = getdate() where run_id = %s",
            (RELOADED, first),
        )

    def restore():
        with connection.transaction():
            connection.execute(f"delete from {table} where run_id in (%s, %s, %s)", (RELOADED, first, second))
            connection.execute(f"insert into {table} select * from kept")

    return restore


def main():
    with tempfile.TemporaryDirectory() as temporary, psycopg.connect(autocommit=True) as connection:
        folder = pathlib.Path(temporary) / "analytics"
        try:
            generate(folder)
            first = build(folder, connection, "build")
            send_more(connection)
            restore = correct(connection)
            try:
                second = build(folder, connection, "build", *NO_LOOK_BACK)
                dbt(folder, "test")
                dbt(folder, "source", "freshness")
            finally:
                restore()
            third = build(folder, connection, "run", "--select", "staging", *NO_LOOK_BACK)
            assert second[0] >= first[0] + 298 and third[0] >= second[0] + 2, (first, second, third)
            dbt(folder, "build", "--full-refresh")
            dbt(folder, "docs", "generate")
        finally:
            connection.execute(f"drop schema if exists {SCHEMA} cascade")
    print(f"dbt: {first[0]} events, {second[0]} after late ones, a correction and removals, {third[0]} after these were undone")
    print("dbt: build, test, source freshness; a full refresh; the catalog of docs")


main()
