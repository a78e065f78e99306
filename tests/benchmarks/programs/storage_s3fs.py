"""Objects by s3fs, many at once as its own calls for many do it."""

from __future__ import annotations

from s3fs import S3FileSystem
from storage_ways import BIG, BUCKET, DATA, ENDPOINT, GOT, KEY_ID, KEYS, SECRET, big, small

files = S3FileSystem(
    key=KEY_ID, secret=SECRET, endpoint_url=ENDPOINT, client_kwargs={"region_name": "us-east-1"}
)
paths = [f"{BUCKET}/{key}" for key in KEYS]
big(
    lambda: files.put_file(str(BIG), f"{BUCKET}/up/big"),
    lambda: files.get_file(f"{BUCKET}/big", str(GOT)),
)
small(lambda: files.pipe(dict.fromkeys(paths, DATA)), lambda: files.cat(paths))
