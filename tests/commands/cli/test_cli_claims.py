"""``authrim claim`` and ``authrim account set-claim``."""

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
def alice(authrim: CommandLine) -> CommandLine:
    """A person, and one claim of each type."""
    authrim.json("account", "create", "alice", "--password-stdin", stdin="a-long-password\n")
    for name, type_ in (("department", "string"), ("level", "number"), ("staff", "boolean"), ("teams", "array"),
                        ("badge", "object")):  # fmt: skip
        authrim.json("claim", "define", name, "--type", type_, "--scope", "hr payroll")
    return authrim


def claims(authrim: CommandLine) -> dict[str, object]:
    shown = authrim.json("account", "show", "alice", "--personal", "--reason", "test")
    return dict(shown["claims"])


def test_life_of_a_definition(authrim: CommandLine) -> None:
    """Defined, listed, shown, retired, and defined again with other scopes."""
    made = authrim.json("claim", "define", "department", "--scope", "hr", "--label", "Your department")
    assert (made["type"], made["scope"], made["status"]) == ("string", "hr", "active")
    assert authrim.json("claim", "show", "department") == made
    assert authrim.json("claim", "define", "department", "--scope", "hr", status=1)["hint"].startswith(
        "Retire"
    )
    assert authrim.json("claim", "retire", "department")["status"] == "retired"
    again = authrim.json("claim", "define", "department", "--scope", "work")
    assert authrim.json("claim", "list")["claims"] == [again]
    assert again["scope"] == "work"


@pytest.mark.parametrize("name", ["sub", "email", "SCOPE", "error"])
def test_names_of_the_protocol(authrim: CommandLine, name: str) -> None:
    """A263: the refusal names the claim that cannot be defined."""
    assert name in authrim.json("claim", "define", name, "--scope", "hr", status=1)["description"]
    assert authrim.json("claim", "show", name, status=1)["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("name", "words", "value"),
    [
        ("department", ("true",), "true"),
        ("level", ("7",), 7),
        ("level", ("-1.5",), -1.5),
        ("staff", ("false",), False),
        ("teams", ("red", "green"), ["red", "green"]),
        ("badge", ('{"rank": 1}',), {"rank": 1}),
        ("email_verified", ("true",), True),
        ("address", ('{"locality": "Bern"}',), {"locality": "Bern"}),
        ("groups", ("staff",), ["staff"]),
    ],
)
def test_words_become_values_of_the_type(
    alice: CommandLine, name: str, words: tuple[str, ...], value: object
) -> None:
    """Each claim takes its words as its type reads them; without a word it is taken away."""
    alice.json("account", "set-claim", "alice", name, *words)
    assert claims(alice)[name] == value
    alice.json("account", "set-claim", "alice", name)
    assert name not in claims(alice)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("level", "high"),
        ("level", "NaN"),
        ("staff", "yes"),
        ("badge", "[1]"),
        ("email_verified", "yes"),
        ("unheard-of", "x"),
        ("sub", "x"),
    ],
)
def test_refused_claim_is_named(alice: CommandLine, name: str, word: str) -> None:
    """A value of another type, and a claim that there is not, is refused by name; the value is not repeated."""
    before = claims(alice)
    refused = alice.json("account", "set-claim", "alice", name, word, status=1)
    assert name in refused["description"]
    assert word not in (refused["description"] + refused["hint"]).split()
    assert claims(alice) == before


def test_one_value_for_what_is_no_array(alice: CommandLine) -> None:
    """Two words for one string are a mistake, not a longer string."""
    assert (
        "not an array" in alice.run("account", "set-claim", "alice", "department", "a", "b", status=2).output
    )


def test_files_leave_defined_claims_alone(alice: CommandLine) -> None:
    """``set-claims`` replaces the claims of the standard, and a defined one only where the file names it."""
    alice.json("account", "set-claim", "alice", "department", "Research")
    alice.json("account", "set-claims", "alice", "-", stdin='{"name": "Alice", "level": 3}')
    alice.json("account", "set-claims", "alice", "-", stdin='{"email": "a@example.com"}')
    assert claims(alice) == {"department": "Research", "level": 3, "email": "a@example.com"}


def test_mapping_of_a_defined_claim(alice: CommandLine) -> None:
    """A client is mapped a defined claim, to places and audiences; other changes go on when it is retired."""
    mapping = "department=dept|to=access_token,introspection|audience=https://a.example/|audience=https://b.example/"
    created = alice.json(
        "client", "create", "--redirect-uri", "https://rp.example/cb", "--claim-mapping", mapping
    )  # fmt: skip
    client_id = created["client_id"]
    (kept,) = alice.json("client", "show", client_id)["claim_mapping"]
    assert kept == {
        "claim": "department",
        "name": "dept",
        "places": ["access_token", "introspection"],
        "audiences": ["https://a.example/", "https://b.example/"],
    }
    alice.json("claim", "retire", "department")
    assert alice.json("client", "update", client_id, "--name", "Other")["client_name"] == "Other"
    for wrong in (
        "unheard-of=x",
        "groups=|to=access_token",
        "groups=|to=nowhere",
        "groups=|audience=https://a.example/",
    ):
        alice.json("client", "update", client_id, "--claim-mapping", wrong, status=1)
    alice.run("client", "update", client_id, "--claim-mapping", "groups=|to=userinfo|to=id_token", status=2)
