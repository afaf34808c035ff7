#!/usr/bin/env bash
# DVC 3.67.1 with ruamel.yaml 0.19.1: a plain `pip install dvc` reads its YAML in pure Python, several times slower.
#
# Up to 0.18, ruamel.yaml required ruamel.yaml.clib on CPython, and `YAML(typ="safe")`, by which DVC reads dvc.yaml,
# params.yaml and dvc.lock, used libyaml. Expected: that it still does. Seen: 0.19 made the extension an extra, DVC asks
# for none (`ruamel.yaml>=0.17.11`), so its parser is the one in Python. It matters because DVC reads params.yaml once for
# each stage that names a parameter of it and dvc.lock whole with every stage. Installed beside it, ruamel.yaml.clib
# 0.2.15 is used by 0.19.1, too. Seen on Python 3.11. Ends with 1 if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dvc==3.67.1 ruamel.yaml==0.19.1
cat > "$folder/measure.py" <<'PY'
import sys
import time

from dvc.utils.serialize import parse_yaml
from ruamel.yaml import YAML

entry = "  - path: data/part_{0}.parquet\n    hash: md5\n    md5: 0123456789abcdef0123456789abcdef\n    size: {0}\n"
text = "schema: '2.0'\ndeps:\n" + "".join(entry.format(number) for number in range(500))
times = []
for _ in range(5):
    began = time.process_time()
    parse_yaml(text, "dvc.lock")
    times.append(time.process_time() - began)
print(YAML(typ="safe").Parser.__name__, min(times))
PY
read -r plain seconds_plain < <("$folder/venv/bin/python" "$folder/measure.py")
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ruamel.yaml.clib==0.2.15
read -r with_c seconds_with_c < <("$folder/venv/bin/python" "$folder/measure.py")
echo "2,000 lines as of a dvc.lock: $plain $seconds_plain s of CPU, with ruamel.yaml.clib: $with_c $seconds_with_c s"
[ "$plain" = Parser ] && [ "$with_c" = CParser ]
python3 -c "import sys; sys.exit(not $seconds_plain > 2 * $seconds_with_c)" || { echo "This changed."; exit 1; }
echo "As stated."
