"""Reads the exported Parquet with another reader and compares the revenue of each hour with what the generator knows."""

import json
import sys
from decimal import Decimal

import pyarrow.parquet as parquet

result = json.load(open(sys.argv[1]))
known = json.load(open(sys.argv[2]))["pipelines"]["estore"]["oracle"]["groups"]["revenueByHour"]

windows = [item for item in result["exports"] if item["name"] == "estore.purchases"]
assert windows, "no window of estore.purchases was published"
rows = 0
for window in windows:
    hour = window["window"].split("/")[0].replace("T", " ").removesuffix("Z")
    tables = [parquet.ParquetFile(path).read() for path in window["files"]]
    revenue = sum((Decimal(price) for table in tables for price in table["price"].to_pylist()), Decimal(0))
    assert revenue * 100 == known[hour], f"{hour}: the files hold {revenue}, the generator knows {known[hour]} cents"
    rows += sum(table.num_rows for table in tables)
assert rows == sum(window["rows"] for window in windows)
print(f"{rows} purchases in {len(windows)} windows, revenue as known")
