"""Uses the local S3 through s3fs, as pandas and dask do. Needs the variables of `millrace endpoints`."""

import os

import s3fs

BYTES = 12 * 1024 * 1024 + 17

fs = s3fs.S3FileSystem()
folder = next(name for name in fs.ls("") if "-history" in name) + "/clients/s3fs"
data = os.urandom(BYTES)
with fs.open(f"{folder}/large", "wb") as file:
    file.write(data)
with fs.open(f"{folder}/large", "rb") as file:
    file.seek(-9, 2)
    assert file.read() == data[-9:]
    file.seek(6 * 1024 * 1024)
    assert file.read(100) == data[6 * 1024 * 1024 :][:100]
fs.copy(f"{folder}/large", f"{folder}/copy")
fs.mv(f"{folder}/copy", f"{folder}/moved")
assert fs.cat(f"{folder}/moved") == data
with fs.open(f"{folder}/small", "wb") as file:
    file.write(b"x")
with fs.open(f"{folder}/small", "ab") as file:
    file.write(b"y")
assert fs.cat(f"{folder}/small") == b"xy"
assert sorted(name.rsplit("/", 1)[1] for name in fs.glob(f"{folder}/*")) == ["large", "moved", "small"]
fs.rm(folder, recursive=True)
assert not fs.exists(folder)
print("s3fs: written in parts, read in ranges, copied, moved, appended to, removed")
