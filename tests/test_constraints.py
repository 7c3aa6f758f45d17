"""The tested versions in constraints.txt satisfy the bounds in pyproject.toml."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINES = (ROOT / "constraints.txt").read_text().splitlines()
TESTED = {
    canonicalize_name(name): version
    for name, _, version in (line.partition("==") for line in LINES if line and not line.startswith("#"))
}
REQUIREMENTS = [
    Requirement(text)
    for texts in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in texts
    if not text.startswith(PROJECT["name"])
]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_the_tested_version_satisfies_the_bounds(requirement: Requirement) -> None:
    assert requirement.specifier.contains(TESTED[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("text", PROJECT["dependencies"])
def test_a_dependency_of_the_core_has_a_lower_bound(text: str) -> None:
    assert any(bound.operator == ">=" for bound in Requirement(text).specifier)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("filelock", "3.29.0"),  # empties a lock that another process has
        ("filelock", "3.20.0"),  # follows symbolic links
        ("rich", "14.2.0"),  # writes an empty line where progress is off
    ],
)
def test_versions_with_known_faults_are_excluded(name: str, version: str) -> None:
    (requirement,) = (each for each in REQUIREMENTS if each.name == name)
    assert not requirement.specifier.contains(version)
