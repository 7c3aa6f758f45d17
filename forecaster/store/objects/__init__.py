"""Objects at addresses: `s3://`, `gs://`, `abfs://`, and `https://` to read."""
