"""``docs/operations/doctor.md``: every check of ``authrim doctor``, and how each of its findings is mended."""

from typing import Final

from authrim.doctor.catalogue import CHECKS
from authrim.doctor.check import Check
from authrim.doctor.finding import Problem
from authrim.doctor.needs import Needs

_OPENING: Final = """# The doctor

<!-- Generated from authrim/doctor/checks/ by `make docs`. -->

`authrim doctor` examines a server from inside and from outside, and says how each fault is mended. Run it on the
server's machine, as the user of the server and with its settings: after the first set-up, after each upgrade, and
when something does not work.

    authrim doctor --config /etc/authrim/authrim.toml

```text
ok      settings: Can the settings be used, and do they fit together?
fault   files: Can the server use the files that the settings name, and nobody else those with secrets?
        files.open_to_all (fault)
        Every user of this machine can read a secret, or replace a file that the server trusts.
        Seen: master_key_file: /etc/authrim/master.key (mode 0644)
        Fix: chmod 600 /etc/authrim/master.key, and give it to the user of the server.
```

With `--json`, each check is a line of JSON, and so is the sum at the end. The status is 1 when there is a fault, and
0 when there are only warnings and notes; 2 means that the command line could not be understood.

| severity | meaning |
|---|---|
| fault | the server does not work, or is not safe |
| warning | it will not be for long, or is less safe than it could be |
| note | worth knowing |

A check that lacks something it needs is passed over, and the report says what it lacks. So mend the first faults
first, and run the doctor again. Any check can end with a fault whose name ends in `.interrupted`: something failed
while it looked, and the detail says what.

## What it asks, and whom

From inside, it reads the settings and their files, and asks the database. From outside, it asks the server at its
issuer, as clients do: by DNS, with TLS that is verified, and through every proxy on the way.

| option | effect |
|---|---|
| `--address IP` | asks the server at this address, whatever DNS says: before the records are changed |
| `--ca-file FILE` | trusts these authorities, too, if your clients trust a private one |
| `--sign-in` | also signs in, as a person and an application do |

What a proxy makes of a request only the server sees. So the doctor sends requests with forged headers, and asks the
server at `POST /doctor` what it saw of them. Each such request has a ticket that only holders of the master key can
make, and that can be used once. To everybody else nothing is at that address. `features_off = ["doctor"]` removes it.

Without `--sign-in` nothing is written, except a guard row for each ticket, which expires. With it, the log keeps the
events of a client and of an account whose names begin with `authrim-doctor-`. Their secrets exist in the memory of
the doctor alone. The client is deleted and the account is erased at the end, also those that an interrupted run has
left more than a quarter of an hour before: several machines may sign in at once.
[designs/0031](../designs/0031-the-doctor-asks-the-server.md) says why it is done in this way.

## The checks
"""


def page() -> str:
    """The whole text of ``docs/operations/doctor.md``."""
    return "\n".join([_OPENING, *map(_section, CHECKS)])


def _section(check: Check) -> str:
    needs = [_NEEDS[need] for need in check.needs if need in _NEEDS]
    only = f" {' '.join(needs)}" if needs else ""
    rows = ["| finding | severity | meaning | what to do |", "|---|---|---|---|", *map(_row, check.problems)]
    return "\n".join([f"### {check.id}", "", f"{check.asks}{only}", "", *rows, ""])


#: What is said of a check that not every server has.
_NEEDS: Final = {
    Needs.POSTGRES: "On PostgreSQL.",
    Needs.CLIENT_CERTIFICATES: "Where client certificates can reach the server.",
    Needs.SIGN_IN: "With `--sign-in`.",
}


def _row(problem: Problem) -> str:
    return f"| `{problem.id}` | {problem.severity} | {_cell(problem.what)} | {_cell(problem.fix)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
