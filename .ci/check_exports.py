"""
Reads the exports with another reader, as a partner would: from latest.json along the chain of success files. Every file has its bytes, its
SHA-256, its rows and its columns; the revenue of each hour is what the generator knows.
"""

import hashlib
import json
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet

result = json.load(open(sys.argv[1]))
known = json.load(open(sys.argv[2]))["pipelines"]["estore"]["oracle"]["groups"]["revenueByHour"]

file = next(path for item in result["exports"] if item["name"] == "estore.purchases" for path in item["files"])
bucket = Path(file[: file.index("/exports/estore/")])
types = {
    "event_id": pyarrow.string(),
    "customer_id": pyarrow.string(),
    "product_id": pyarrow.string(),
    "price": pyarrow.decimal128(12, 2),
}

chain = []
at = json.loads((bucket / "exports/estore/purchases/latest.json").read_text())
while at is not None:
    success = json.loads((bucket / at["success"]).read_text())
    assert success["sequence"] == at["sequence"]
    chain.append(success)
    at = success["previous"]
assert [success["sequence"] for success in chain] == list(range(len(chain), 0, -1))

newest = {}
for success in reversed(chain):
    newest[success["window"]["start"]] = success
rows = 0
for start, success in newest.items():
    revenue = Decimal(0)
    for item in success["files"]:
        content = (bucket / item["key"]).read_bytes()
        assert len(content) == item["bytes"], item["key"]
        assert hashlib.sha256(content).hexdigest() == item["sha256"], item["key"]
        table = parquet.ParquetFile(bucket / item["key"]).read()
        assert table.num_rows == item["rows"], item["key"]
        for name, type in types.items():
            assert table.schema.field(name).type == type, f"{name} is {table.schema.field(name).type}, not {type}"
        revenue += sum((Decimal(price) for price in table["price"].to_pylist() if price is not None), Decimal(0))
        rows += table.num_rows
    hour = start.replace("T", " ")[:19]
    assert revenue * 100 == known.get(hour, 0), f"{hour}: the files hold {revenue}, the generator knows {known.get(hour, 0)} cents"
assert rows == sum(success["rows"] for success in newest.values())
assert set(known) <= {start.replace("T", " ")[:19] for start in newest} | {hour for hour in known if hour > max(newest)[:19].replace("T", " ")}
print(f"{rows} purchases in {len(newest)} windows of {len(chain)} publications, revenue as known")
