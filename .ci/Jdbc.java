import java.math.BigDecimal;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TimeZone;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Uses the SQL prompt through Amazon's JDBC driver, unchanged: the driver of DBeaver, DataGrip and Tableau for Redshift.
 * Needs the variables of `millrace endpoints`, and the driver on the class path.
 */
public class Jdbc {
  static final String SCHEMA = "jdbc_check";
  static final String CANCELLED = "57014";

  interface Work {
    void run() throws Exception;
  }

  static Connection open(String... settings) throws SQLException {
    Map<String, String> environment = System.getenv();
    Properties properties = new Properties();
    properties.setProperty("user", environment.get("PGUSER"));
    properties.setProperty("password", environment.get("PGPASSWORD"));
    properties.setProperty("ssl", "false");
    properties.setProperty("connectionTimezone", "SERVER");
    properties.setProperty("ApplicationName", "DBeaver 25.2 - Main");
    for (int i = 0; i < settings.length; i += 2) properties.setProperty(settings[i], settings[i + 1]);
    String at = environment.get("PGHOST") + ":" + environment.get("PGPORT") + "/" + environment.get("PGDATABASE");
    return DriverManager.getConnection("jdbc:redshift://" + at, properties);
  }

  static void equal(String what, Object got, Object expected) {
    if (!String.valueOf(got).equals(String.valueOf(expected)))
      throw new AssertionError(what + ": expected " + expected + ", got " + got);
  }

  /** Runs work that must fail, and checks the SQLSTATE and a part of the message. */
  static void fails(String state, String message, Work work) throws Exception {
    try {
      work.run();
    } catch (SQLException error) {
      equal("state of " + error.getMessage(), error.getSQLState(), state);
      if (!error.getMessage().contains(message)) throw new AssertionError(error.getMessage() + " does not say: " + message);
      return;
    }
    throw new AssertionError("no error, expected " + state + " " + message);
  }

  /** The rows of a result, each with some of its columns. */
  static List<String> rows(ResultSet result, String... columns) throws SQLException {
    List<String> rows = new ArrayList<>();
    try (result) {
      while (result.next()) {
        List<String> row = new ArrayList<>();
        for (String column : columns) row.add(result.getString(column));
        rows.add(String.join(" ", row.stream().map(String::valueOf).toList()));
      }
    }
    return rows;
  }

  static List<String> query(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
      ResultSetMetaData about = result.getMetaData();
      String[] names = new String[about.getColumnCount()];
      List<String> rows = new ArrayList<>();
      while (result.next()) {
        for (int i = 0; i < names.length; i++) names[i] = result.getString(i + 1);
        rows.add(String.join(" ", Arrays.stream(names).map(String::valueOf).toList()));
      }
      return rows;
    }
  }

  static void execute(Connection connection, String... statements) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      for (String sql : statements) statement.execute(sql);
    }
  }

  static void schemas(Connection connection) throws Exception {
    DatabaseMetaData about = connection.getMetaData();
    equal("product", about.getDatabaseProductName() + " " + about.getUserName(), "Redshift " + System.getenv("PGUSER"));
    equal("catalogs", rows(about.getCatalogs(), "TABLE_CAT"), List.of(System.getenv("PGDATABASE")));
    List<String> schemas = rows(about.getSchemas(), "TABLE_SCHEM");
    if (!schemas.containsAll(List.of("estore", "public", "pg_catalog", SCHEMA))) throw new AssertionError(schemas);
    equal("tables", rows(about.getTables(null, SCHEMA, "%", null), "TABLE_TYPE", "TABLE_NAME"),
        "[INDEX child_pkey, INDEX parent_name_key, INDEX parent_pkey, TABLE child, TABLE kinds, TABLE parent, VIEW seen]");
    equal("views", rows(about.getTables(null, SCHEMA, "%", new String[] {"VIEW"}), "TABLE_NAME"), "[seen]");
    equal("a comment", rows(about.getTables(null, SCHEMA, "parent", new String[] {"TABLE"}), "REMARKS"), "[The parents.]");
    equal("privileges", rows(about.getTablePrivileges(null, SCHEMA, "seen"), "GRANTEE", "PRIVILEGE").contains("PUBLIC SELECT"), true);
    List<String> events = rows(about.getTables(null, "estore", "events%", new String[] {"TABLE"}), "TABLE_NAME");
    equal("tables of events", events.size(), 1);
    equal("key of the events", rows(about.getPrimaryKeys(null, "estore", events.get(0)), "COLUMN_NAME"), "[event_id]");
    equal("columns of the events", rows(about.getColumns(null, "estore", "events", "payload"), "DATA_TYPE", "TYPE_NAME"), "[-16 super]");
  }

  static void columns(Connection connection) throws Exception {
    DatabaseMetaData about = connection.getMetaData();
    String[] facts = {"COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS", "NULLABLE", "COLUMN_DEF"};
    equal("columns", String.join("\n", rows(about.getColumns(null, SCHEMA, "kinds", null), facts)), String.join("\n",
        "a 5 int2 5 0 0 null", "b 4 int4 10 0 1 null", "c -5 int8 19 0 1 null", "d 7 float4 8 8 1 null", "e 8 float8 17 17 1 null",
        "f 2 numeric 12 2 1 null", "g -7 bool 1 0 1 null", "h 1 bpchar 3 0 1 null", "i 12 varchar 40 0 1 'x'", "j 91 date 13 0 1 null",
        "k 92 time 15 0 1 null", "l 93 timestamp 29 6 1 null", "m 2014 timestamptz 35 0 1 null", "n -16 super null null 1 null",
        "o -4 varbyte null null 1 null"));
    equal("a column of a view", rows(about.getColumns(null, SCHEMA, "seen", "%"), "COLUMN_NAME", "TYPE_NAME", "ORDINAL_POSITION"),
        "[id int4 1, name varchar 2]");
    Map<String, Integer> types = new TreeMap<>();
    try (ResultSet result = about.getTypeInfo()) {
      while (result.next()) types.put(result.getString("TYPE_NAME"), result.getInt("DATA_TYPE"));
    }
    equal("types", types, "{bool=-7, bpchar=1, char=1, date=91, float4=7, float8=8, int2=5, int4=4, int8=-5, numeric=2, "
        + "super=-1, time=92, timestamp=93, timestamptz=2014, varbyte=-4, varchar=12}");
  }

  static void keys(Connection connection) throws Exception {
    DatabaseMetaData about = connection.getMetaData();
    equal("primary keys", rows(about.getPrimaryKeys(null, SCHEMA, "child"), "COLUMN_NAME", "KEY_SEQ", "PK_NAME"),
        "[id 1 child_pkey, part 2 child_pkey]");
    String[] facts = {"PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME", "KEY_SEQ", "FK_NAME", "PK_NAME"};
    String key = "[parent id child parent 1 child_parent_fkey parent_pkey]";
    equal("imported keys", rows(about.getImportedKeys(null, SCHEMA, "child"), facts), key);
    equal("exported keys", rows(about.getExportedKeys(null, SCHEMA, "parent"), facts), key);
    equal("cross reference", rows(about.getCrossReference(null, SCHEMA, "parent", null, SCHEMA, "child"), facts), key);
    equal("no keys", rows(about.getImportedKeys(null, SCHEMA, "kinds"), facts), "[]");
    equal("indexes", rows(about.getIndexInfo(null, SCHEMA, "child", false, false), "INDEX_NAME"), "[]");
    equal("procedures", rows(about.getProcedures(null, SCHEMA, "%"), "PROCEDURE_NAME"), "[]");
    equal("functions", rows(about.getFunctions(null, SCHEMA, "%"), "FUNCTION_NAME"), "[]");
  }

  static void values(Connection connection) throws Exception {
    Timestamp moment = Timestamp.valueOf("2024-02-29 10:11:12.5");
    try (PreparedStatement insert = connection.prepareStatement("insert into " + SCHEMA
        + ".kinds (a, b, c, d, e, f, g, h, i, j, k, l, m) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
      insert.setShort(1, (short) -7);
      insert.setInt(2, Integer.MAX_VALUE);
      insert.setLong(3, Long.MIN_VALUE + 1);
      insert.setFloat(4, 1.5f);
      insert.setDouble(5, 0.1);
      insert.setBigDecimal(6, new BigDecimal("1234567890.12"));
      insert.setBoolean(7, true);
      insert.setString(8, "ab");
      insert.setString(9, "it's \\ ü ? $1");
      insert.setDate(10, Date.valueOf("2024-02-29"));
      insert.setTime(11, Time.valueOf("10:11:12"));
      insert.setTimestamp(12, moment);
      insert.setTimestamp(13, moment);
      equal("inserted", insert.executeUpdate(), 1);
      insert.setShort(1, (short) 0);
      int[] types = {Types.INTEGER, Types.BIGINT, Types.REAL, Types.DOUBLE, Types.NUMERIC, Types.BOOLEAN, Types.CHAR, Types.VARCHAR,
          Types.DATE, Types.TIME, Types.TIMESTAMP, Types.TIMESTAMP};
      for (int i = 0; i < types.length; i++) insert.setNull(i + 2, types[i]);
      equal("inserted", insert.executeUpdate(), 1);
    }
    execute(connection, "update " + SCHEMA + ".kinds set n = json_parse('{\"sku\":\"s1\",\"n\":[1,2.50]}') where a = -7");
    String select = "select a, b, c, d, e, f, g, h, i, j, k, l, m, n, n.sku::varchar as sku from " + SCHEMA + ".kinds where a = ?";
    // From the fifth execution on, the driver reads in binary format.
    try (PreparedStatement prepared = connection.prepareStatement(select)) {
      for (int turn = 0; turn < 8; turn++) {
        prepared.setInt(1, -7);
        try (ResultSet row = prepared.executeQuery()) {
          row.next();
          List<Object> objects = new ArrayList<>();
          for (int i = 1; i <= 15; i++) {
            Object object = row.getObject(i);
            if (i != 13) objects.add(object.getClass().getSimpleName() + " " + object);
          }
          equal("values", objects, "[Short -7, Integer 2147483647, Long -9223372036854775807, Float 1.5, Double 0.1, BigDecimal 1234567890.12, "
              + "Boolean true, String ab , String it's \\ ü ? $1, Date 2024-02-29, Time 10:11:12, Timestamp 2024-02-29 10:11:12.5, "
              + "String {\"sku\":\"s1\",\"n\":[1,2.50]}, String s1]");
          equal("a moment", row.getTimestamp(13).getTime(), moment.getTime());
        }
        prepared.setInt(1, 0);
        try (ResultSet row = prepared.executeQuery()) {
          row.next();
          row.getLong(3);
          equal("nulls", row.wasNull() + " " + row.getObject(6) + row.getObject(12) + row.getObject(14), "true nullnullnull");
        }
      }
      ResultSetMetaData about = prepared.getMetaData();
      equal("metadata", about.getColumnName(6) + " " + about.getColumnTypeName(6) + " " + about.getPrecision(6) + " " + about.getScale(6)
          + " " + about.getColumnType(9) + " " + about.getPrecision(9), "f numeric 12 2 12 40");
      ParameterMetaData parameters = prepared.getParameterMetaData();
      equal("parameters", parameters.getParameterCount() + " " + parameters.getParameterTypeName(1), "1 int4");
    }
  }

  static void batches(Connection connection) throws Exception {
    String table = SCHEMA + ".parent";
    try (PreparedStatement insert = connection.prepareStatement("insert into " + table + " values (?, ?)")) {
      for (int i = 0; i < 1000; i++) {
        insert.setInt(1, i);
        insert.setString(2, "name " + i);
        insert.addBatch();
      }
      equal("batch", Arrays.stream(insert.executeBatch()).filter(count -> count == 1 || count == Statement.SUCCESS_NO_INFO).count(), 1000);
    }
    try (Statement statement = connection.createStatement()) {
      statement.addBatch("update " + table + " set name = 'x' where id < 10");
      statement.addBatch("delete from " + table + " where id >= 900");
      equal("counts", Arrays.toString(statement.executeBatch()), "[10, 100]");
      statement.addBatch("insert into " + table + " values (5000, 'y')");
      statement.addBatch("insert into " + table + " values ('wrong', 'y')");
      try {
        statement.executeBatch();
        throw new AssertionError("no error");
      } catch (BatchUpdateException error) {
        equal("state of a batch", error.getSQLState(), "22P02");
      }
    }
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(64);
      int read = 0;
      try (ResultSet result = statement.executeQuery("select id from " + table + " where id < 1000 order by id")) {
        while (result.next()) equal("a row", result.getInt(1), read++);
      }
      equal("rows in parts", read, 900);
    }
    connection.commit();
    connection.setAutoCommit(true);
    try (Statement statement = connection.createStatement()) {
      statement.setMaxRows(5);
      equal("most rows", rows(statement.executeQuery("select id from " + table + " order by id"), "id"), "[0, 1, 2, 3, 4]");
    }
  }

  static void transactions(Connection connection) throws Exception {
    String table = SCHEMA + ".parent";
    String count = "select count(*) from " + table + " where id >= 7000";
    connection.setAutoCommit(false);
    execute(connection, "insert into " + table + " values (7000, 'kept')");
    try (Connection other = open()) {
      equal("before the commit", query(other, count), "[0]");
      connection.commit();
      equal("after the commit", query(other, count), "[1]");
    }
    execute(connection, "insert into " + table + " values (7001, 'undone')");
    connection.rollback();
    equal("after a rollback", query(connection, count), "[1]");
    fails("42P01", "nowhere", () -> query(connection, "select * from nowhere"));
    fails("25P02", "aborted", () -> query(connection, "select 1"));
    connection.rollback();
    fails("0A000", "SAVEPOINT", connection::setSavepoint);
    connection.rollback();
    connection.setAutoCommit(true);
    equal("isolation", connection.getTransactionIsolation(), Connection.TRANSACTION_SERIALIZABLE);
    connection.setReadOnly(true);
    equal("reads", query(connection, count), "[1]");
    connection.setReadOnly(false);
    try (Connection reader = open("readOnly", "true", "readOnlyMode", "always")) {
      fails("25006", "read-only", () -> execute(reader, "delete from " + table));
      equal("reads", query(reader, count), "[1]");
    }
    connection.setSchema(SCHEMA);
    equal("schema", connection.getSchema() + query(connection, "select count(*) from parent where id >= 7000"), SCHEMA + "[1]");
    connection.setSchema("public");
  }

  static void mistakes(Connection connection) throws Exception {
    fails("42703", "column \"nope\" does not exist", () -> query(connection, "select nope from " + SCHEMA + ".parent"));
    fails("42601", "syntax error", () -> query(connection, "select 1 +"));
    fails("22012", "ivi", () -> query(connection, "select 1 / (id - id) from " + SCHEMA + ".parent"));
    fails("22001", "too long", () -> execute(connection, "insert into " + SCHEMA + ".parent values (1, '" + "x".repeat(99) + "')"));
    fails("23502", "NULL", () -> execute(connection, "insert into " + SCHEMA + ".parent values (null, 'x')"));
    fails("0A000", "PG_SLEEP", () -> query(connection, "select pg_sleep(1)"));
    fails("0A000", "pg_enum", () -> query(connection, "select * from pg_enum"));
    fails("0A000", "Europe/Berlin", () -> open("connectionTimezone", "LOCAL").close());
    fails("28P01", "password", () -> open("password", "Wrong1pw").close());
    fails("3D000", "nowhere", () -> DriverManager.getConnection("jdbc:redshift://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT")
        + "/nowhere?ssl=false&connectionTimezone=SERVER", System.getenv("PGUSER"), System.getenv("PGPASSWORD")).close());
    equal("after mistakes", query(connection, "select 1") + " " + connection.isValid(5), "[1] true");
  }

  static void ends(Connection connection) throws Exception {
    String endless = "select count(*) from estore.events a, estore.events b, estore.events c, estore.events d";
    try (Statement statement = connection.createStatement()) {
      CompletableFuture<Void> cancelled = CompletableFuture.runAsync(() -> {
        try {
          for (int i = 0; i < 500 && query(connection(), "select 1 from stv_recents where status = 'Running' and query like 'select count(%'").isEmpty(); i++)
            TimeUnit.MILLISECONDS.sleep(20);
        } catch (SQLException | InterruptedException error) {
          throw new IllegalStateException(error);
        } finally {
          cancel(statement);
        }
      });
      fails(CANCELLED, "cancel", () -> statement.executeQuery(endless));
      cancelled.get(30, TimeUnit.SECONDS);
      statement.setQueryTimeout(1);
      fails(CANCELLED, "cancel", () -> statement.executeQuery(endless));
      statement.setQueryTimeout(0);
      execute(connection, "set statement_timeout to 200");
      fails(CANCELLED, "statement_timeout", () -> statement.executeQuery(endless));
      execute(connection, "set statement_timeout to 0");
    }
    equal("after cancels", query(connection, "select 2"), "[2]");
  }

  static void cancel(Statement statement) {
    try {
      statement.cancel();
    } catch (SQLException error) {
      throw new IllegalStateException(error);
    }
  }

  static Connection watcher;

  /** A second connection, which watches the first. */
  static synchronized Connection connection() throws SQLException {
    if (watcher == null) watcher = open();
    return watcher;
  }

  static void sideBySide() throws Exception {
    int workers = 6;
    ExecutorService pool = Executors.newFixedThreadPool(workers);
    CountDownLatch together = new CountDownLatch(workers);
    List<Future<String>> results = new ArrayList<>();
    for (int worker = 0; worker < workers; worker++) {
      int number = worker;
      Callable<String> work = () -> {
        try (Connection connection = open()) {
          connection.setAutoCommit(false);
          execute(connection, "create temp table mine (i int)");
          together.countDown();
          together.await(60, TimeUnit.SECONDS);
          try (PreparedStatement insert = connection.prepareStatement("insert into mine values (?)")) {
            for (int i = 0; i <= number; i++) {
              insert.setInt(1, i);
              insert.addBatch();
            }
            insert.executeBatch();
          }
          String mine = query(connection, "select count(*) from mine").get(0);
          connection.commit();
          return mine;
        }
      };
      results.add(pool.submit(work));
    }
    List<String> counts = new ArrayList<>();
    for (Future<String> result : results) counts.add(result.get(120, TimeUnit.SECONDS));
    pool.shutdown();
    equal("side by side", counts, "[1, 2, 3, 4, 5, 6]");
  }

  /** The catalog as DBeaver's Redshift extension asks for it, with its joins and parameters. */
  static void navigator(Connection connection) throws Exception {
    String described = " left outer join pg_catalog.pg_description d on d.objoid = %s.oid and d.objsubid = 0 and d.classoid = '%s'::regclass";
    String database = System.getenv("PGDATABASE");
    equal("databases", parameters(connection, "select db.oid, db.* from pg_catalog.pg_database db where 1 = 1 and datallowconn and not datistemplate "
        + "or db.datname = ? order by db.datname", "datname", database), "[" + database + "]");
    equal("session", query(connection, "select current_schema(), session_user"), "[public " + System.getenv("PGUSER") + "]");
    query(connection, "show search_path");
    query(connection, "select version()");
    List<String> external = query(connection, "select schemaname from \"" + database + "\".pg_catalog.svv_external_schemas");
    if (!external.contains("estore_stream")) throw new AssertionError(external);
    String schema = parameters(connection, "select n.oid, n.*, d.description from pg_catalog.pg_namespace n"
        + String.format(described, "n", "pg_namespace") + " where nspname = ? order by nspname", "nspowner", SCHEMA).get(0);
    equal("owner of the schema", query(connection, "select usename from pg_catalog.pg_user where usesysid = " + schema), "[" + System.getenv("PGUSER") + "]");
    long oid = Long.parseLong(query(connection, "select oid from pg_namespace where nspname = '" + SCHEMA + "'").get(0));
    equal("relations", parameters(connection, "select c.oid, c.*, d.description from pg_catalog.pg_class c" + String.format(described, "c", "pg_class")
        + " where c.relnamespace = ? and c.relkind not in ('i', 'I', 'c') order by relname", "relname,relkind,description", oid),
        "[child r null, kinds r null, parent r The parents., seen v null]");
    equal("attributes", parameters(connection, "select c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value, dsc.description, "
        + "format_encoding(a.attencodingtype::integer) as \"encoding\" from pg_catalog.pg_attribute a inner join pg_catalog.pg_class c on (a.attrelid = c.oid) "
        + "left outer join pg_catalog.pg_attrdef ad on (a.attrelid = ad.adrelid and a.attnum = ad.adnum) "
        + "left outer join pg_catalog.pg_description dsc on (c.oid = dsc.objoid and a.attnum = dsc.objsubid) "
        + "where not a.attisdropped and c.relkind not in ('i', 'I', 'c') and c.relnamespace = ? and c.relname = 'child' order by a.attnum",
        "attname,attnotnull,attisdistkey,attsortkeyord,encoding,def_value", oid),
        "[id t f 0 az64 null, part t t 0 zstd 'p', parent f f 1 none null]");
    equal("constraints", parameters(connection, "select c.oid, c.*, t.relname as tabrelname, rt.relnamespace as refnamespace, d.description, "
        + "case when c.contype = 'c' then \"substring\"(pg_get_constraintdef(c.oid), 7) else null end consrc_copy from pg_catalog.pg_constraint c "
        + "inner join pg_catalog.pg_class t on t.oid = c.conrelid left outer join pg_catalog.pg_class rt on rt.oid = c.confrelid"
        + String.format(described, "c", "pg_constraint") + " where t.relnamespace = ? order by c.conname", "tabrelname,conname,contype,conkey,confkey", oid),
        "[child child_parent_fkey f {3} {1}, child child_pkey p {1,2} null, parent parent_name_key u {2} null, parent parent_pkey p {1} null]");
    equal("types", query(connection, "select t.typname, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) from pg_catalog.pg_type t "
        + "left outer join pg_catalog.pg_class c on c.oid = t.typrelid left outer join pg_catalog.pg_description d on t.oid = d.objoid "
        + "where t.typname = 'super' and (c.relkind is null or c.relkind = 'c')"), "[super null null]");
    equal("procedures", parameters(connection, "select p.prooid as poid, p.*, null as arg_defaults, d.description from pg_catalog.pg_proc_info p "
        + "left outer join pg_catalog.pg_description d on d.objoid = p.prooid and d.classoid = 'pg_proc'::regclass and d.objsubid = 0 "
        + "where p.pronamespace = ? order by p.proname", "proname", oid), "[]");
    equal("sizes", parameters(connection, "select table_id, size, tbl_rows from svv_table_info where \"schema\" = ?", "tbl_rows", SCHEMA).size(), 2);
    equal("text of a view", query(connection, "select pg_catalog.pg_get_viewdef(c.oid, true) from pg_catalog.pg_class c where c.relname = 'seen'").toString()
        .contains("select id, name from"), true);
    for (String sql : List.of("select * from pg_catalog.pg_settings", "select * from stv_sessions", "select * from pg_stat_activity",
        "select am.oid, am.* from pg_catalog.pg_am am order by am.oid", "explain select * from " + SCHEMA + ".parent"))
      equal(sql, query(connection, sql).isEmpty(), false);
  }

  static List<String> parameters(Connection connection, String sql, String columns, Object... values) throws SQLException {
    try (PreparedStatement prepared = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        if (values[i] instanceof Long number) prepared.setLong(i + 1, number);
        else prepared.setString(i + 1, String.valueOf(values[i]));
      }
      return rows(prepared.executeQuery(), columns.split(","));
    }
  }

  public static void main(String[] arguments) throws Exception {
    // Times are those of the machine for the driver, and those of UTC for the session.
    TimeZone.setDefault(TimeZone.getTimeZone("Europe/Berlin"));
    try (Connection connection = open()) {
      execute(connection, "drop schema if exists " + SCHEMA + " cascade", "create schema " + SCHEMA,
          "create table " + SCHEMA + ".parent (id int primary key, name varchar(40) not null unique)",
          "create table " + SCHEMA + ".child (id int, part varchar(8) default 'p' encode zstd distkey, parent int sortkey references " + SCHEMA
              + ".parent (id), primary key (id, part))",
          "create table " + SCHEMA + ".kinds (a smallint not null, b int, c bigint, d real, e float8, f decimal(12,2), g boolean, h char(3), "
              + "i varchar(40) default 'x', j date, k time, l timestamp, m timestamptz, n super, o varbyte(8))",
          "create view " + SCHEMA + ".seen as select id, name from " + SCHEMA + ".parent",
          "comment on table " + SCHEMA + ".parent is 'The parents.'", "grant select on " + SCHEMA + ".seen to public");
      schemas(connection);
      columns(connection);
      keys(connection);
      System.out.println("jdbc: schemas, tables, columns, types, keys");
      values(connection);
      batches(connection);
      System.out.println("jdbc: parameters and values of each type, batches, rows in parts");
      navigator(connection);
      System.out.println("jdbc: the queries of DBeaver's navigator");
      transactions(connection);
      mistakes(connection);
      ends(connection);
      sideBySide();
      System.out.println("jdbc: transactions, mistakes, cancel and timeouts, connections side by side");
      execute(connection, "drop schema " + SCHEMA + " cascade");
    } finally {
      if (watcher != null) watcher.close();
    }
  }
}
