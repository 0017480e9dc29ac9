"""A report with everything in it that a report can have. ``text``: what every text of it is, in place of a sample."""

from datetime import date, timedelta
from typing import Final

from domain.report.model import (
    Control,
    Figure,
    Finding,
    Framework,
    Period,
    Positions,
    Report,
    Section,
    Series,
    Table,
)

_BEGIN: Final = 1_782_864_000_000_000
_END: Final = 1_790_812_800_000_000


def sample_report(text: str = "") -> Report:
    """The report."""
    controls = (
        Control(
            text or "CC6.1",
            text or "Logical access",
            text or "People are known before they get access.",
            ("sign_ins",),
            ("sign_ins.people", "sign_ins.failed", "sign_ins.none"),
            (text or "What an API does: its own logs show it.",),
        ),
        Control(
            "CC6.4", "Physical access", "Rooms are locked.", (), (), ("Rooms: the data centre shows it.",)
        ),
        Control("CC7.2", "Anomalies", "What is unusual is noticed.", ("sign_ins",)),
    )
    about = text or "Criteria for access and operations."
    framework = Framework(text or "soc2", text or "SOC 2, CC6 and CC7", text or "2017", about, controls)
    return Report(
        framework,
        text or "default",
        Period(12, 99_999, _BEGIN, _END),
        text or "login.example.com/transparency",
        99_999,
        "ab" * 32,
        "0.1.0",
        (_section(text),),
    )


def _section(text: str) -> Section:
    first = date(2026, 7, 1)
    days = tuple(((first + timedelta(day)).isoformat(), day * 37 % 170) for day in range(92))
    causes = (("wrong_password", 832), ("no_account", 141), ("disabled", 0))
    return Section(
        "sign_ins",
        text or "Sign-ins and failures",
        text or "Who signed in, and what failed.",
        (
            _figure(
                "sign_ins.people",
                12_345,
                "sign-ins",
                text,
                Positions(12_345, 12, 99_123, "0" * 64, _file("people")),
            ),
            _figure(
                "sign_ins.failed", 1, "attempts", text, Positions(1, 500, 500, "0" * 64, _file("failed"))
            ),
            _figure("sign_ins.share", 1.5, "%", text, Positions(0, 0, 0, "0" * 64, _file("share"))),
            _figure(
                "sign_ins.longest",
                text or "41 days",
                "",
                text,
                Positions(2, 3, 9, "0" * 64, _file("longest")),
            ),
        ),
        (
            Table(
                "sign_ins.methods",
                text or "By method",
                ("Method", "Count"),
                ((text or "pwd", 12_340), ("otp", 5)),
                3,
            ),
            Table("sign_ins.empty", "Nothing", ("Method", "Count"), ()),
        ),
        (
            Series("sign_ins.per_day", text or "Sign-ins of people", "sign-ins", days),
            Series("sign_ins.causes", "Failed sign-ins by cause", "attempts", causes),
            Series("sign_ins.zero", "Replayed codes", "codes", (("2026-07-01", 0),)),
        ),
        (
            Finding(
                "sign_ins.burst", "critical", text or "1,200 sign-ins failed in one hour.", _places("burst")
            ),
            Finding(
                "sign_ins.client", "warning", "A client failed to authenticate 40 times.", _places("client")
            ),
            Finding("sign_ins.pause", "note", "Nothing was recorded for 3 minutes.", _places("pause")),
        ),
        (text or "Whether the person is the one whom the account belongs to.",),
    )


def _figure(name: str, value: int | float | str, unit: str, text: str, positions: Positions) -> Figure:
    query = f"authrim audit search --positions {positions.file}"
    label, meaning = f"Label of {name}", f"What {name} means."
    return Figure(name, text or label, value, unit, text or meaning, text or query, positions)


def _places(name: str) -> Positions:
    return Positions(1_200, 4_000, 5_300, "0" * 64, _file(name))


def _file(name: str) -> str:
    return f"positions/sign_ins.{name}.txt"
