#!/usr/bin/env bash
# statsmodels 0.15.0: the score interval for a difference of two shares is not the one that its source defines.
#
# `confint_proportions_2indep(..., compare="diff", method="score")` follows Miettinen and Nurminen (1985): the shares
# under the tested difference are those of the greatest likelihood. Expected: limits of 56/70 against 48/80 as Newcombe
# (1998, table II) prints them for this method, .0528 to .3382. Seen: .0526 to .3440; the shares that
# `score_test_proportions_2indep` reports for a difference of .344 (.8029 and .4589) have a smaller likelihood than
# others that obey the same difference. With 9 of 10 against 3 of 10 the call ends in a ValueError of its root search.
# Seen on Python 3.11 with the versions below. Ends with 1 if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from statsmodels.stats.proportion import confint_proportions_2indep, score_test_proportions_2indep

kept, contacted, stayed, control = 56, 70, 48, 80
low, high = confint_proportions_2indep(kept, contacted, stayed, control, compare="diff", method="score")
print(f"statsmodels: {low:.4f} to {high:.4f}; published: 0.0528 to 0.3382")

difference = 0.344
found = score_test_proportions_2indep(kept, contacted, stayed, control, value=difference, compare="diff")


def log_likelihood(second):
    first = second + difference
    return (
        kept * np.log(first)
        + (contacted - kept) * np.log1p(-first)
        + stayed * np.log(second)
        + (control - stayed) * np.log1p(-second)
    )


grid = np.linspace(1e-6, 1 - difference - 1e-6, 1_000_001)
best = grid[np.argmax(log_likelihood(grid))]
theirs = float(found.prop2_null)
print(f"share of the second group at a difference of {difference}: {theirs:.4f} (log likelihood {log_likelihood(theirs):.4f})")
print(f"the most likely one: {best:.4f} (log likelihood {log_likelihood(best):.4f})")
try:
    confint_proportions_2indep(9, 10, 3, 10, compare="diff", method="score")
    raised = "nothing"
except ValueError as error:
    raised = str(error)
print(f"9 of 10 against 3 of 10 raises: {raised}")
as_seen = (
    abs(high - 0.3440) < 5e-4
    and abs(low - 0.0526) < 5e-4
    and log_likelihood(best) - log_likelihood(theirs) > 0.01
    and "different signs" in raised
)
sys.exit(0 if as_seen else "This changed.")
PY
echo "As stated."
