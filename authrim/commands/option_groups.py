"""The help of a command with many options: in groups, what most people need first."""

import re
from typing import Any, Final

import click

#: A heading, and the options below it by their names.
Groups = tuple[tuple[str, tuple[str, ...]], ...]

_REST: Final = "Options of every command"

CLIENT: Final[Groups] = (
    ("What most clients need", (
        "--type", "--service", "--for", "--url", "--client-id", "--name", "--redirect-uri", "--scope",
        "--grant-type", "--profile", "--application-type", "--plain-http", "--first-party", "--unset",
    )),
    ("How the client authenticates", (
        "--auth-method", "--public", "--auth-signing-alg", "--jwks", "--jwks-uri", "--certificate",
        "--tls-client-auth-subject-dn", "--tls-client-auth-san-dns", "--tls-client-auth-san-uri",
        "--tls-client-auth-san-ip", "--tls-client-auth-san-email", "--attester",
    )),
    ("What its tokens are", (
        "--audience", "--default-audience", "--access-token-format", "--access-token-alg",
        "--access-token-lifetime", "--refresh-token-lifetime", "--refresh-grace-seconds", "--dpop-bound",
        "--certificate-bound",
    )),
    ("What it is told about people", (
        "--subject-type", "--sector-identifier-uri", "--id-token-claims", "--claim-mapping", "--id-token-alg",
        "--id-token-encryption-alg", "--id-token-encryption-enc", "--userinfo-alg", "--userinfo-encryption-alg",
        "--userinfo-encryption-enc",
    )),
    ("How it asks and is answered", (
        "--response-type", "--response-mode", "--require-pushed-requests", "--require-signed-requests",
        "--request-object-alg", "--request-uri", "--response-alg", "--response-encryption-alg",
        "--response-encryption-enc", "--default-max-age", "--acr-value",
    )),
    ("What people see", (
        "--logo", "--no-logo", "--logo-uri", "--client-uri", "--policy-uri", "--tos-uri", "--initiate-login-uri",
    )),
    ("Logout", (
        "--post-logout-redirect-uri", "--backchannel-logout-uri", "--backchannel-logout-session-required",
        "--frontchannel-logout-uri", "--frontchannel-logout-session-required",
    )),
    ("If it is a resource server too", ("--introspect", "--protected-resource")),
)  # fmt: skip

RESOURCE: Final[Groups] = (
    ("What most resource servers need", ("--name", "--scope", "--lifetime", "--introspection-client", "--unset")),
    ("What its tokens are", ("--access-token-typ", "--format", "--signing-alg", "--claim", "--any-client")),
    ("Encryption", ("--encryption-alg", "--encryption-enc", "--jwks", "--jwks-uri")),
)  # fmt: skip

SEARCH: Final[Groups] = (
    ("What the events concern", (
        "--client", "--account", "--session", "--grant", "--key", "--type", "--actor", "--address", "--jti",
        "--error-id", "--trace",
    )),
    ("When they happened", ("--from", "--to", "--positions")),
    ("What is printed", ("--after", "--limit", "--follow")),
    ("What is recorded", ("--reason",)),
)  # fmt: skip

CHANGES: Final[Groups] = (
    ("Which changes", ("--actor", "--field")),
    ("When they were made", ("--from", "--to")),
    ("What is printed", ("--after", "--limit", "--follow")),
    ("What is recorded", ("--reason",)),
)


#: An option with all the values that it takes.
_CHOICE: Final = re.compile(r"(?P<option>\S+) +\[(?P<values>[^\]]+)\]")
#: Characters of an option with its values, beside which its help still has room.
_LONGEST: Final = 36


class GroupedCommand(click.Command):
    """A command whose help has its options in ``groups``."""

    def __init__(self, *args: Any, groups: Groups, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section per group, each in the group's own order; what belongs to every command comes last."""
        records = {
            parameter.opts[0]: _readable(*record)
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)) is not None
        }
        for heading, names in self.groups:
            rows = [records.pop(name) for name in names if name in records]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)
        with formatter.section(_REST):
            formatter.write_dl(list(records.values()))


def _readable(option: str, explained: str) -> tuple[str, str]:
    """The entry of an option. A long list of values goes behind the explanation, where it is wrapped."""
    choice = _CHOICE.fullmatch(option)
    if choice is None or len(option) <= _LONGEST:
        return option, explained
    values = ", ".join(choice["values"].split("|"))
    return f"{choice['option']} VALUE", f"{explained} One of {values}."
