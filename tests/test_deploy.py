"""The image and the examples for a cluster name files, extras and versions that there are."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
PAGE = (ROOT / "docs" / "cluster.md").read_text("utf-8")


def test_the_image_copies_files_that_exist_and_that_docker_sees() -> None:
    copied = [path for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, flags=re.MULTILINE) for path in line.split()]
    visible = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert len(copied) == 5
    assert set(copied) == visible
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_the_image_installs_extras_that_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (names,) = re.findall(r'"\.\[([\w,]+)\]"', DOCKERFILE)
    assert set(names.split(",")) <= set(extras)
    assert "cluster" in names


def test_the_examples_for_kubernetes_are_yaml_with_the_tested_ray() -> None:
    job, cron = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(apiVersion.*?)```", PAGE, flags=re.DOTALL))
    assert (job["kind"], cron["kind"]) == ("RayJob", "RayCronJob")
    assert f"ray=={job['spec']['rayClusterSpec']['rayVersion']}\n" in (ROOT / "constraints.txt").read_text()
    assert job["spec"]["entrypoint"] == cron["spec"]["jobTemplate"]["entrypoint"]
