"""The numbers: each with its origin and source, all of them used, and replaced by an inventory."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import engine.risk
from engine.candidates import foresee
from engine.inventory.errors import InventoryErrors
from engine.inventory.reading import read_text
from engine.model.facts import Facts
from engine.plan import make_plan
from engine.risk import model, parameters
from engine.risk.parameters import ORIGINS
from engine.risk.vendor import history, still_there, wait_curve
from engine.status import document, saved
from tests.unit.builders import NOW, facts, host, look, upgrade

HOME = Path(engine.risk.__file__).parent
FILE = tomllib.loads((HOME / "parameters.toml").read_text("utf-8"))
ROWS = FILE["parameters"]
FOUND = facts(upgrade("vim"))


def test_every_number_has_its_origin_and_source_and_lies_within_its_bounds() -> None:
    for name, row in ROWS.items():
        assert row["origin"] in ORIGINS, name
        assert len(row["source"]) > 5, name
        assert row["least"] <= row["value"] <= row["most"], name


def test_every_number_is_used() -> None:
    code = "".join(path.read_text("utf-8") for path in HOME.glob("*.py"))
    built = {"stakes": "tolerable costly unacceptable", "level": "moderate high critical"}
    made = {f"{first}_{second}" for first, words in built.items() for second in words.split()}
    made |= {f"{mode}_{what}" for mode in ("boot", "access", "service", "data", "state")
             for what in ("base", "minutes", "minutes_bad")}  # fmt: skip
    unused = [name for name in ROWS if name not in made and f'"{name}"' not in code]
    assert unused == []


def test_bundled_data_carry_their_date_and_licence() -> None:
    for path in (HOME / "data").iterdir():
        text = path.read_text("utf-8")
        for word in ("date", "licence", "source"):
            assert re.search(rf'"?{word}"? ?[=:] ?"', text), (path, word)


def test_the_wait_curve_falls_from_just_out_to_long_out() -> None:
    left = [still_there(days) for days in range(400)]
    assert left == sorted(left, reverse=True)
    assert (left[0], round(left[7], 2), round(left[14], 2)) == (0.96, 0.54, 0.34)
    assert wait_curve()[0][0] == 0


def test_a_packages_past_is_told_worst_first_and_only_when_it_says_something() -> None:
    assert history({"openssl", "systemd", "no-such-package"}) == (
        "systemd 5 of 24 updates, openssl 4 of 99 updates"
    )
    assert history({"zsh"}) == "", "eight updates say nothing"


# -- other numbers -----------------------------------------------------------------------------


def score(found: Facts, *numbers: tuple[str, float]) -> int:
    shown = foresee(host(risk=numbers), found, NOW).candidate("upgrade")
    assert shown is not None
    assert shown.risk is not None
    return shown.risk.score


def test_an_inventory_changes_a_number_and_with_it_score_digest_and_plan() -> None:
    calm, bad = (), (("service_base", 0.0),)
    assert score(FOUND) < score(FOUND, *bad)
    assert model([host(risk=calm)]).digest != model([host(risk=bad)]).digest
    plans = [make_plan(host(risk=some), FOUND, "upgrade", NOW) for some in (calm, bad)]
    assert plans[0].digest != plans[1].digest
    shown = document([(host(risk=bad), look(FOUND))], NOW)["model"]
    assert shown["digest"] == model([host(risk=bad)]).digest


def test_the_digest_is_of_the_numbers_and_not_of_how_they_were_written() -> None:
    given = ROWS["holds"]["value"]
    assert model([host(risk=(("holds", given),))]) == model()
    assert len(model().digest) == 64
    # Whoever changes a number raises the version; what tells two models apart is the digest.
    assert model().version == FILE["version"]


def test_an_override_is_the_teams_own_judgement() -> None:
    assert parameters().origins["regression_base"] == "measured"
    assert parameters((("regression_base", -3.0),)).origins["regression_base"] == "judgement"


@pytest.mark.parametrize("wrong", [("no_such_number", 1.0), ("holds", 99.0), ("holds", -1.0)])
def test_numbers_that_are_none_are_refused(wrong: tuple[str, float]) -> None:
    with pytest.raises(ValueError, match=wrong[0]):
        parameters((wrong,))


def test_a_scan_of_two_inventories_has_a_digest_of_both() -> None:
    one, two = host("a"), host("b", risk=(("holds", 1.0),))
    both = model([one, two])
    assert both == model([two, one])
    assert both.digest not in (model([one]).digest, model([two]).digest)
    # Saved and asked again, each host keeps its own numbers.
    whole = saved([(one, look(FOUND)), (two, look(FOUND))], NOW)
    assert whole["model"]["digest"] == both.digest


def read(text: str) -> tuple[tuple[str, float], ...]:
    return read_text(Path("inventory.toml"), f"[hosts.a]\n[risk]\n{text}\n").hosts[0].risk


def test_the_inventory_reads_numbers_by_name() -> None:
    assert read("holds = 1\nboot_base = -5.25") == (("boot_base", -5.25), ("holds", 1.0))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("boot_bse = -5", r'boot_bse: unknown key; did you mean "boot_base"'),
        ('holds = "1"', r"holds: must be a number"),
        ("holds = true", r"holds: must be a number"),
        ("holds = nan", r"holds: .*out of range"),
        ("holds = 99", r"holds: the number 99 is out of range"),
    ],
)
def test_the_inventory_is_strict_about_them(text: str, said: str) -> None:
    with pytest.raises(InventoryErrors, match=said):
        read(text)
