#!/usr/bin/env bash
# pytest-xdist 3.8.0 under pytest 9.2.0: `--dist loadgroup` hands the tests of one group to several workers.
#
# `@pytest.mark.xdist_group("name")` promises that all tests of the group run in one worker (a server, a Java process, a
# licence for one). Expected: one worker for twelve tests of one group, as under pytest 8.4.2. Seen under 9.2.0: no error,
# no warning, and both workers take tests of the group; the `@name` that xdist adds to a test's id is not there. What
# relied on the group runs side by side. A scheduler of one's own (`pytest_xdist_make_scheduler` with `_split_scope`)
# groups under both. Seen on Python 3.11. Ends with 1 if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/test_group.py" <<'PY'
import os
import time

import pytest


@pytest.mark.parametrize("number", range(12))
@pytest.mark.xdist_group("server")
def test_of_the_group(number):
    time.sleep(0.2)
    with open(os.environ["SEEN"], "a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], file=file)
PY
workers() {  # how many workers took tests of the group, under this version of pytest
    python3 -m venv "$folder/$1"
    "$folder/$1/bin/pip" install --quiet --disable-pip-version-check "pytest==$1" pytest-xdist==3.8.0
    (cd "$folder" && SEEN="$folder/$1.txt" "$folder/$1/bin/python" -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup test_group.py > "$folder/$1.log")
    [ "$(wc -l < "$folder/$1.txt")" -eq 12 ] && sort -u "$folder/$1.txt" | wc -l
}
before=$(workers 8.4.2)
now=$(workers 9.2.0)
echo "workers that took tests of the one group: $before under pytest 8.4.2, $now under 9.2.0"
[ "$before" -eq 1 ] && [ "$now" -eq 2 ] || { echo "This changed."; exit 1; }
echo "As stated."
