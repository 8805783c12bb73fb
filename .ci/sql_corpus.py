"""Prints the Redshift statements of public grammar tests as JSON lines {"from", "sql"}: what sqlfluff's fixtures and sqlglot's tests hold.

Arguments: folders with a checkout of sqlfluff (test/fixtures/dialects/redshift/*.sql) and an unpacked sdist of sqlglot (tests/dialects/*.py). By hand:
    git clone --depth 1 https://github.com/sqlfluff/sqlfluff && pip download --no-deps --no-binary :all: sqlglot && tar xzf sqlglot-*.tar.gz
    python .ci/sql_corpus.py sqlfluff sqlglot-* >corpus.jsonl && npm run judges -- corpus corpus.jsonl
"""

import ast
import json
import pathlib
import re
import sys

# A statement ends at a semicolon outside of quotes, $$ texts and comments.
PART = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"|\$\$.*?\$\$|\$\w+\$.*?\$\w+\$|;|.", re.DOTALL)
STATEMENT = re.compile(
    r"\s*(?:\(*\s*(?:select|with)|insert|update|delete|merge|create|drop|alter|truncate|copy|unload|grant|revoke|set|show|use|begin|commit"
    r"|rollback|analyze|vacuum|comment|call|declare|fetch|close|explain|describe|desc|lock|prepare|execute|deallocate|reset)\b",
    re.IGNORECASE,
)
HELPERS = {"validate_identity", "validate_all", "parse_one", "validate", "transpile"}


def statements(text):
    statement = ""
    for part in PART.findall(text):
        if part == ";":
            yield statement.strip()
            statement = ""
        elif not part.startswith("--"):
            statement += part
    yield statement.strip()


def of_sqlfluff(folder):
    for path in sorted(folder.glob("test/fixtures/dialects/redshift/*.sql")):
        for sql in statements(path.read_text(encoding="utf-8")):
            yield f"sqlfluff/{path.name}", sql


def text_of(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def of_sqlglot(folder):
    for path in sorted(folder.glob("tests/dialects/test_*.py")):
        own = path.name == "test_redshift.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found = []
            if isinstance(node, ast.Dict):
                found = [text_of(value) for key, value in zip(node.keys, node.values) if key and text_of(key) == "redshift"]
            elif own and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in HELPERS:
                found = [text_of(argument) for argument in node.args]
            for sql in found:
                if sql and sql.strip():
                    yield f"sqlglot/{path.name}:{node.lineno}", sql if STATEMENT.match(sql) else f"SELECT {sql}"


def main(folders):
    seen = set()
    for folder in map(pathlib.Path, folders):
        for origin, sql in [*of_sqlfluff(folder), *of_sqlglot(folder)]:
            if sql and sql not in seen:
                seen.add(sql)
                print(json.dumps({"from": origin, "sql": sql}))


main(sys.argv[1:])
