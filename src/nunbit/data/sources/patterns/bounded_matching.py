"""Regular expressions of the user, matched with a limit of time.

An expression may need more steps than there are atoms, on a name of a few dozen letters, and while
Python's engine works nobody can stop it. So the matching is done in a process of its own, which
starts in about 50 ms and is ended when its time is over.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Literal

from nunbit.errors import ConfigError
from nunbit.formatting import quoted

MAX_SECONDS = 10.0
"""Time for all names together, to which `SECONDS_PER_NAME` is added for each."""
SECONDS_PER_NAME = 1e-4
"""A hundred times what a usual pattern takes."""

_CHILD = """
import json, re, sys
sys.set_int_max_str_digits(0)
given = json.loads(sys.stdin.buffer.read())
find = getattr(re.compile(given["pattern"], given["flags"]), given["how"])
found = []
for name in given["names"]:
    match = find(name)
    found.append(None if match is None else [match.groups(), match.groupdict()])
sys.stdout.write(json.dumps(found))
"""

Groups = tuple[list[str | None], dict[str, str | None]]
"""All groups in order, and those that have a name."""


def match_all(
    expression: re.Pattern[str],
    names: Sequence[str],
    *,
    how: Literal["search", "fullmatch"],
    written: str,
) -> list[Groups | None]:
    """The groups found in each name, None where the expression does not fit.

    Args:
        expression: what is looked for.
        names: where.
        how: anywhere in a name, or all of it.
        written: the pattern as the user wrote it, for the message.

    Raises:
        ConfigError: naming the pattern, when it takes too long.
    """
    if not names:
        return []
    request = {"pattern": expression.pattern, "flags": int(expression.flags), "how": how}
    limit = MAX_SECONDS + SECONDS_PER_NAME * len(names)
    try:
        answer = subprocess.run(
            # No site packages, no environment, no module of the current folder.
            [sys.executable, "-I", "-S", "-c", _CHILD],
            # Escapes carry names that are not valid Unicode.
            input=json.dumps({**request, "names": list(names)}).encode("ascii"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"the pattern '{quoted(written)}' takes too long: {len(names):,} names are not done "
            f"after {limit:.0f} s",
            remedy="write it without repetitions within repetitions, such as '(a+)+', and with "
            "fewer parts that may be anything",
        ) from None
    except subprocess.CalledProcessError:
        raise ConfigError(
            f"the pattern '{quoted(written)}' cannot be matched: Python's engine gave up",
            remedy="write a shorter one",
        ) from None
    found = json.loads(answer.stdout)
    return [None if match is None else (match[0], match[1]) for match in found]
