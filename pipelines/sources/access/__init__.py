"""Getting at tables: files, JSON, S3, databases; headers, line numbers, broken rows."""
