"""The hint for YAML that cannot be read names the line and the usual cause."""

import pytest

from forecaster.config.yaml_loader import parse_yaml
from forecaster.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("job:\n\tkeep: 3\n", "indent line 2 by spaces; it begins with a tab: keep: 3"),
        ("job:\n  deadline:05:30\n  keep: 3\n", "put a space after the colon in line 2: deadline: 05:30"),
        ("job:\n  keep: 3\n  recent:4\ndata:\n", "put a space after the colon in line 3: recent: 4"),
        (
            "job:\n  on_failure: mail: ops\n",
            "quote the value in line 2, because it contains a colon: on_failure: 'mail: ops'",
        ),
        (
            "job:\n  keep: 3\n max_age: 3d\n",
            "check the quotes, the brackets and the indentation of line 3: max_age: 3d",
        ),
        (
            "job: {outputs: [a.csv\n",
            "check the quotes, the brackets and the indentation of line 1: job: {outputs: [a.csv",
        ),
    ],
)
def test_a_syntax_error_is_explained_by_its_usual_cause(text: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "nightly.yaml", hint="read the manual")
    assert caught.value.hint == hint


def test_a_limit_has_no_other_cause() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml("[" * 40 + "]" * 40, "nightly.yaml", hint="read the manual")
    assert caught.value.hint == "read the manual"
