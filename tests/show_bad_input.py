"""Print docs/BAD_INPUT.md from the cases of test_bad_input.py: `python tests/show_bad_input.py > docs/BAD_INPUT.md`."""

from __future__ import annotations

import sys
import tempfile
from itertools import groupby
from pathlib import Path

from test_bad_input import CASES, QUIET, Case, beginning, cell, run, said_of

HEAD = f"""# Bad input

Each line below is a command that the tests run (`tests/test_bad_input.py`) and what it says; `python
tests/show_bad_input.py > docs/BAD_INPUT.md` writes this page anew.

- **stops**: exit code 2, one sentence on stderr behind `error: `, no output.
- **listed**: exit code 0; the record stands in `refused.csv` in the table's folder, or the photo among those that could
  not be read, whose rows are filler.
- **taken**: exit code 0, nothing to mend.

The data set `data` has three photos of 8 × 6 pixels. Left out of the commands: for `train.py`
`{QUIET["train.py"]}`, for `predict.py` `{QUIET["predict.py"]}`.
"""


def line(case: Case) -> str:
    """A row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        said = said_of(run(case, Path(folder)), Path(folder))
    return f"{beginning(case)}{cell(said)} |"


def main() -> None:
    """Print the page."""
    sys.stdout.write(HEAD)
    for topic, cases in groupby(CASES, key=lambda case: case.topic):
        sys.stdout.write(f"\n## {topic}\n\n| input | command | | what it says |\n|---|---|---|---|\n")
        sys.stdout.writelines(f"{line(case)}\n" for case in cases)


if __name__ == "__main__":
    main()
