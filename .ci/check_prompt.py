"""Uses the SQL prompt through psql, psycopg and redshift_connector, unchanged. Needs the variables of `millrace endpoints`."""

import datetime
import decimal
import os
import shutil
import subprocess

import psycopg
import redshift_connector

DATABASE, USER, PASSWORD = (os.environ[name] for name in ("PGDATABASE", "PGUSER", "PGPASSWORD"))
HOST, PORT = os.environ["PGHOST"], int(os.environ["PGPORT"])


def psql(*commands, code=0):
    arguments = [part for command in commands for part in ("-c", command)]
    done = subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (commands, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def check_psql():
    if not shutil.which("psql"):
        print("psql: left out, it is not installed")
        return
    said = psql(r"\dt estore.*", r"\dv estore.*", r"\d estore.events", r"\dn", r"\l", r"\du", r"\dp estore.*", r"\conninfo")
    for expected in ("events", "hourly_revenue", "event_id", "estore", DATABASE, USER, "millrace_owner"):
        assert expected in said, (expected, said)
    assert "(1 row)" in psql("select count(*) from estore.events")
    said = psql("select nothing from estore.events", code=1)
    assert 'column "nothing" does not exist' in said and "LINE 1" in said, said
    assert "not supported by the local warehouse" in psql("declare c cursor for select 1", code=1)
    print("psql: relations, schemas, users, a query and mistakes")


def check_psycopg():
    moment = datetime.datetime(2024, 2, 29, 10, 11, 12, 500000)
    rows = [(i, f"name {i} ' \\", decimal.Decimal(i) / 4, moment.date(), moment, i % 2 == 0, i * 0.5) for i in range(3)]
    with psycopg.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("create temp table kinds (a int, b varchar(40), c decimal(12,2), d date, e timestamp, f boolean, g float)")
        cursor.executemany("insert into kinds values (%s, %s, %s, %s, %s, %s, %s)", rows)
        for binary in (False, True):
            reader = connection.cursor(binary=binary)
            assert reader.execute("select * from kinds order by a").fetchall() == rows
        found = cursor.execute("select b from kinds where c > %s and d = %s and a = any (select a from kinds)", (0.3, moment.date()))
        assert found.fetchall() == [("name 2 ' \\",)]
        connection.commit()
        try:
            cursor.execute("select * from nowhere")
            raise AssertionError("no error")
        except psycopg.errors.UndefinedTable as error:
            assert error.diag.statement_position == "15"
        connection.rollback()
        with connection.pipeline():
            results = [connection.execute("select %s::int", (i,)) for i in range(5)]
        assert [result.fetchone()[0] for result in results] == list(range(5))
        for i in range(7):
            assert cursor.execute("select count(*) from kinds where a >= %s", (i,), prepare=True).fetchone()[0] == max(0, 3 - i)
    try:
        psycopg.connect(password="Wrong1pw")
        raise AssertionError("a wrong password was taken")
    except psycopg.OperationalError as error:
        assert "password authentication failed" in str(error), error
    print("psycopg: types in both formats, parameters, prepared statements, a pipeline, errors")


def check_redshift_connector():
    connection = redshift_connector.connect(host=HOST, port=PORT, database=DATABASE, user=USER, password=PASSWORD, ssl=False)
    cursor = connection.cursor()
    cursor.execute("select action, count(*), sum(price) from estore.events where action = %s group by 1", ("purchase",))
    ((action, count, revenue),) = cursor.fetchall()
    assert action == "purchase" and count > 0 and revenue > 0, (action, count, revenue)
    tables = {row[2] for row in cursor.get_tables(schema_pattern="estore", types=["TABLE"])}
    assert "events" in tables, tables
    columns = {row[3] for row in cursor.get_columns(schema_pattern="estore", tablename_pattern="events")}
    assert {"event_id", "payload", "occurred_at"} <= columns, columns
    assert ["estore"] in [row[:1] for row in cursor.get_schemas()]
    assert cursor.get_catalogs()[0][0] == DATABASE
    cursor.execute("create temp table kept (a int, b varchar(10))")
    cursor.executemany("insert into kept values (%s, %s)", [(1, "one"), (2, None)])
    cursor.execute("select * from kept order by a")
    assert [list(row) for row in cursor.fetchall()] == [[1, "one"], [2, None]]
    connection.rollback()
    try:
        cursor.execute("select * from kept")
        raise AssertionError("a rolled back table is there")
    except redshift_connector.ProgrammingError as error:
        assert error.args[0]["C"] == "42P01", error
    connection.close()
    print("redshift_connector: Redshift's digest, metadata, parameters, transactions")


check_psql()
check_psycopg()
check_redshift_connector()
