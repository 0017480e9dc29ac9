"""Plans that read all of a large table are refused."""

import json

from bench.scale.plans import judge, read_plans

_LINE = "2026-11-29 12:00:00.000 UTC [7] LOG:  duration: 1.234 ms  plan:\n"


def _logged(*nodes: dict[str, object]) -> str:
    texts = []
    for node in nodes:
        plan = {"Query Text": "SELECT *\n  FROM tokens", "Plan": {"Node Type": "Limit", "Plans": [node]}}
        texts.append(_LINE + "".join(f"\t{line}\n" for line in json.dumps(plan, indent=2).splitlines()))
    return "".join(texts)


def _node(**changed: object) -> dict[str, object]:
    return {"Node Type": "Seq Scan", "Relation Name": "tokens", "Actual Rows": 3, "Actual Loops": 1} | {
        name.replace("_", " "): value for name, value in changed.items()
    }


def test_a_sequential_scan_of_a_large_table_is_refused() -> None:
    """A statement that reads all of a large table is a fault, and of a small one it is none."""
    (large,) = judge(read_plans(_logged(_node())), {"tokens": 1_000_000})
    assert large.faults == ("reads all of tokens, which has 1,000,000 rows",)
    assert large.query == "SELECT * FROM tokens"
    (small,) = judge(read_plans(_logged(_node())), {"tokens": 12})
    assert small.faults == ()


def test_an_index_does_not_hide_that_everything_is_read() -> None:
    """Reading more rows than any answer needs is a fault by whatever way, those that a filter removed included."""
    node = _node(Node_Type="Index Scan", Index_Name="tokens_pkey", Rows_Removed_by_Filter=20_000)
    (judged,) = judge(read_plans(_logged(node)), {"tokens": 1_000_000})
    assert judged.rows == 20_003
    assert judged.faults


def test_runs_of_one_statement_are_one_line() -> None:
    """One bad plan among good ones of the same statement is found."""
    good = _node(Node_Type="Index Scan", Index_Name="tokens_pkey")
    (judged,) = judge(read_plans(_logged(good, _node(), good)), {"tokens": 5000})
    assert judged.runs == 3
    assert len(judged.faults) == 1
