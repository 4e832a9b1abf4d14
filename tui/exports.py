"""Files of exported runs: below the state directory, for nobody but the operator.

An export may hold a log's secrets, and the current directory may be shared or under version
control; so it is written where logs are, and the screen shows where that is.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from engine.errors import InputError


def write_export(state_dir: Path, run_id: str, text: str) -> Path:
    """Write ``exports/RUN.md`` (0600 in 0700); an older export of the run is replaced.

    Raises:
        InputError: the file can't be written.
    """
    file = state_dir / "exports" / f"{quote(run_id, safe='')}.md"
    new = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(new, "w", encoding="utf-8", opener=_private) as opened:
            opened.write(text)
        new.replace(file)
    except OSError as error:
        raise InputError(
            f"{file} can't be written: {error.strerror}.",
            hint="See that there is room, and that the state directory is yours.",
        ) from error
    return file


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
