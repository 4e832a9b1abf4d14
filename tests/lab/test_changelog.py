"""What pending updates fix, asked of a real host's apt, what that says, and what came of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.lab.conftest import NewHost
from tests.lab.controller import Controller
from tests.lab.scenarios import UPDATE, apt_get, lab_packages, switch_to
from tests.operators import text


def test_what_updates_fix_is_known_and_what_came_of_them_is_compared(
    new_host: NewHost, tmp_path: Path
) -> None:
    host = new_host()
    lab_packages(host, "v1", ("lab-pair-one", "lab-pair-two", "lab-lib"))
    base = host.settings.proxy_url
    (host.root / "etc/apt/apt.conf.d/80lab-changelogs").write_text(
        f'Acquire::Changelogs::URI::Override::Origin::Lab "{base}/lab/changelogs/'
        '@CHANGEPATH@_changelog";\n'
    )
    with (host.root / "etc/apt/sources.list").open("a") as sources:
        sources.write(f"deb [trusted=yes] {base}/lab v2-security main\n")
    switch_to(host, "v2")
    apt_get(host, UPDATE)
    eve = Controller(tmp_path, host, {"exposed": True})

    def waiting() -> dict[str, Any]:
        hosts = json.loads(eve.call("status", host.name, "--json").stdout)["hosts"]
        found: dict[str, Any] = hosts[0]["waiting"]
        return found

    assert waiting()["due_days"] == 14, "two security updates of unknown urgency"
    told = json.loads(eve.call("changelog", host.name, "--json").stdout)["changelogs"]
    assert {one["source"]: one["via"] for one in told} == {"lab-lib": "apt", "lab-pair": "archive"}
    pair = told[1]["entries"][0]
    assert pair["cves"] == [
        {"id": "CVE-2021-44228", "exploited": True, "predicted": False, "vector": None}
    ]
    assert (pair["urgency"], pair["closes"], pair["date"]) == ("high", [12, 34], "2026-11-02")
    assert all(one["complete"] for one in told)
    assert not host.inside("ls -d /tmp/hostshift-* 2>/dev/null", check=False).stdout
    after = waiting()
    assert after["due_days"] == 3
    assert "CVE-2021-44228 is the most urgent of 2 holes" in after["reasons"][0]
    shown = text(eve.call("changelog", host.name, "lab-lib"))
    assert "CVE-2026-12345" in shown
    assert "lab-pair" not in shown

    eve.run("upgrade:only=lab-lib")
    record = json.loads(eve.call("calibration", "--json").stdout)
    (ran,) = record["runs"]
    assert (ran["host"], ran["kind"], ran["wrong"]) == (host.name, "upgrade", False)
    assert 0 < ran["chance"] < 1
    assert record["lesson"]["numbers"] == {}
