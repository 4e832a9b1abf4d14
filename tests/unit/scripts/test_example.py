"""The example of docs/hooks.md works as it is printed there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.inventory.value import Hooks
from engine.plan.hooks import hook
from engine.scripts import environment, event, start
from engine.session import Session
from tests.unit.builders import host
from tests.unit.scripts.scripts import NOW, RUN, ended, log, run_of

DOC = Path(__file__).parents[3] / "docs/hooks.md"


async def test_the_example_silences_and_tells(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = re.search(r"```sh\n(.*?)```", DOC.read_text(), re.DOTALL)
    assert found is not None
    script = tmp_path / "hooks.sh"
    script.write_text(found[1])
    script.chmod(0o755)
    monkeypatch.setenv("SILENCED", str(tmp_path / "silenced"))
    hooks = Hooks(*3 * (str(script),))
    run = run_of(state="waiting", operator='eve "x"')
    for name, what, says in (
        ("before", "begins", "silenced server1\n"),
        ("notify", "gate", "server1: upgrade is waiting (gate)\n"),
        ("after", "ended", "server1 is watched again\n"),
    ):
        act = hook(hooks, name)  # type: ignore[arg-type]
        assert act is not None
        variables = environment(RUN, session.inventory.host("server1"))
        await start(session, RUN, name, act, event(name, run, None, what, NOW), variables)
        assert (await ended(session, name)).exit_status == 0, log(session, name)
        assert log(session, name) == says
        silenced = [file.name for file in (tmp_path / "silenced").iterdir()]
        assert silenced == ([] if name == "after" else ["server1"])


def test_every_field_and_variable_is_documented() -> None:
    text = DOC.read_text()
    words = {*event("before", run_of(), None, "begins", NOW), *environment("r", host())}
    words |= set(environment("r", host(), new="n", new_address="a", service="s"))
    assert len(words) == 19
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []
