"""Objects of an S3 store as files: listed, looked into, fetched whole for as long as they are read.

Credentials, region and endpoint come from where AWS tools look (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, ~/.aws, the machine's role), never from params.yaml.
"""

from __future__ import annotations

import functools
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.runtime import scratch
from pipelines.runtime.errors import ChurnError

SCHEME = "s3://"


@dataclass(frozen=True, order=True)
class S3Object:
    """An object: `bucket/key`."""

    key: str

    @property
    def name(self) -> str:
        """Its last part, as of a path."""
        return PurePosixPath(self.key).name

    @property
    def suffix(self) -> str:
        """`.csv`, as of a path."""
        return PurePosixPath(self.key).suffix

    def as_posix(self) -> str:
        """How people write it."""
        return SCHEME + self.key


def _filesystem() -> Any:
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID")
    return _connected(tuple(os.environ.get(name) for name in names))


@functools.lru_cache(maxsize=4)
def _connected(environment: tuple[str | None, ...]) -> Any:
    from pyarrow import fs

    endpoint = environment[0] or environment[1]
    region = environment[2] or environment[3]
    retries = fs.AwsStandardS3RetryStrategy(max_attempts=3)
    options = {"connect_timeout": 10, "request_timeout": 60, "retry_strategy": retries, "background_writes": False}
    return fs.S3FileSystem(endpoint_override=endpoint, region=region, **options)


def _store_error(path: str, error: Exception) -> ChurnError:
    """A store's error without addresses or keys, which do not belong into a log."""
    code = re.search(r"AWS Error ([A-Z_]+)", str(error))
    reason = code[1].lower().replace("_", " ") if code else type(error).__name__
    return ChurnError(
        f"{path}: the S3 store cannot be read ({reason}). See that AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
        "AWS_REGION and, for a store that is not Amazon's, AWS_ENDPOINT_URL are set, and that the bucket may be read."
    )


def list_objects(path: str) -> list[S3Object]:
    """The object, the objects under a folder, or those that a glob matches, sorted; empty markers are left out.

    Raises:
        ChurnError: the store cannot be reached or refuses.
    """
    from pyarrow import fs

    pattern = path.removeprefix(SCHEME).rstrip("/")
    prefix = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    try:
        store = _filesystem()
        if prefix == pattern and store.get_file_info(pattern).type == fs.FileType.File:
            return [S3Object(pattern)]
        folder = pattern if prefix == pattern else prefix.rpartition("/")[0]
        entries = store.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
    except OSError as error:
        raise _store_error(path, error) from None
    files = [entry for entry in entries if entry.type == fs.FileType.File]
    keys = [entry.path for entry in files if entry.size or PurePosixPath(entry.path).suffix]
    return sorted(S3Object(key) for key in keys if prefix == pattern or _matches(key, pattern))


def _matches(key: str, pattern: str) -> bool:
    """As in a shell: `*` stays within a folder, `**` does not."""
    expression = ""
    for part in re.split(r"(\*\*/|\*|\?)", pattern):
        expression += {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    return re.fullmatch(expression, key) is not None


def read_head(s3_object: S3Object, size: int) -> bytes:
    """The first bytes."""
    try:
        with _filesystem().open_input_stream(s3_object.key) as stream:
            return bytes(stream.read(size))
    except OSError as error:
        raise _store_error(s3_object.as_posix(), error) from None


def open_object(s3_object: S3Object) -> Any:
    """A file for random access, as pyarrow reads Parquet's end."""
    try:
        return _filesystem().open_input_file(s3_object.key)
    except OSError as error:
        raise _store_error(s3_object.as_posix(), error) from None


def object_version(s3_object: S3Object) -> str:
    """What changes when the object's content does: the store's own digest (ETag) and the size."""
    try:
        with _filesystem().open_input_stream(s3_object.key) as stream:
            metadata = stream.metadata()
    except OSError as error:
        raise _store_error(s3_object.as_posix(), error) from None
    return "-".join(metadata[name].decode().strip('"') for name in ("ETag", "Content-Length"))


@contextmanager
def downloaded(s3_object: S3Object) -> Iterator[Path]:
    """A copy on this machine, gone when the block ends."""
    with tempfile.TemporaryDirectory(dir=scratch.folder()) as folder:
        path = Path(folder, s3_object.name)
        try:
            with _filesystem().open_input_stream(s3_object.key) as source, path.open("wb") as target:
                for chunk in iter(lambda: source.read(1 << 22), b""):
                    target.write(chunk)
        except OSError as error:
            raise _store_error(s3_object.as_posix(), error) from None
        yield path
