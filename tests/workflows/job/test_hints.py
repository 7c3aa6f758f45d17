import pytest

from forecaster.workflows.job.hints import translate


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("pass --target sold", "pass --set data.target=sold"),
        ("pass --zone Europe/Berlin, or leave it out", "pass --set data.format.zone=Europe/Berlin, or leave it out"),
        (
            "pass --day-first (day/month/year) or --no-day-first (month/day/year)",
            "pass --set data.format.day_first=true (day/month/year) or --set data.format.day_first=false"
            " (month/day/year)",
        ),
        ("pass --date-format '%d.%m.%Y %H:%M'", "pass --set 'data.format.date_format=%d.%m.%Y %H:%M'"),
        ("pass --duplicates mean (or first)", "pass --set data.duplicates=mean (or first)"),
        ("name it with --id", "name it with --set data.id=..."),
        ("--na=-999 masks them", "--set data.format.na=-999 masks them"),
        ("set --set job.zone=UTC, or add rows", "set --set job.zone=UTC, or add rows"),
        ("find out why data is missing", "find out why data is missing"),
    ],
)
def test_options_of_other_commands_become_keys(hint: str, expected: str) -> None:
    assert translate(hint) == expected
