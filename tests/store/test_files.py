import errno
import os
from pathlib import Path
from typing import Any

import pytest

from forecaster.errors import OutputError
from forecaster.store.files import (
    as_output_error,
    atomic_write,
    check_free,
    new_folder,
    replace_link,
    temporary_prefix,
)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    atomic_write(path, b"old")
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~0o022


def test_a_place_under_a_regular_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for attempt in (
        lambda: atomic_write(tmp_path / "file" / "a.csv", b""),
        lambda: check_free(tmp_path / "file" / "out"),
        lambda: new_folder(tmp_path / "file" / "out").__enter__(),
    ):
        with pytest.raises(OutputError, match="cannot write") as caught:
            attempt()
        assert "a file is in the place of a folder" in caught.value.hint


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOENT, "create its folder first: mkdir -p 'of mine'"),
        (errno.EACCES, "that you may write to"),
        (errno.ENOSPC, "free some space"),
        (errno.EIO, "name another place with --out"),
    ],
)
def test_what_cannot_be_written_says_what_would_help(number: int, hint: str) -> None:
    with pytest.raises(OutputError) as caught, as_output_error(Path("of mine/a.csv")):
        raise OSError(number, os.strerror(number))
    assert hint in caught.value.hint


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with new_folder(tmp_path / "runs" / "a") as folder:
        (folder / "x").write_text("x")
        assert not (tmp_path / "runs" / "a").exists()
    assert (tmp_path / "runs" / "a" / "x").read_text() == "x"
    with pytest.raises(RuntimeError), new_folder(tmp_path / "runs" / "b") as folder:
        raise RuntimeError
    assert [file.name for file in (tmp_path / "runs").iterdir()] == ["a"]


def test_a_folder_in_use_is_not_free(tmp_path: Path) -> None:
    check_free(tmp_path / "new" / "deep")
    assert not (tmp_path / "new").exists()
    check_free(tmp_path)
    (tmp_path / "x").write_text("")
    with pytest.raises(OutputError, match="not an empty folder") as caught:
        check_free(tmp_path)
    assert "--resume" in caught.value.hint


def test_a_link_moves_from_one_folder_to_the_next(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        replace_link(tmp_path / "latest", tmp_path / name)
        assert (tmp_path / "latest").resolve() == (tmp_path / name).resolve()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b", "latest"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o666])
def test_a_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    path.chmod(mode)
    (tmp_path / "link.csv").symlink_to("a.csv")
    for name in ("a.csv", "link.csv"):
        atomic_write(tmp_path / name, b"new")
        assert path.stat().st_mode & 0o777 == mode
    (tmp_path / "out").mkdir(mode=0o700)
    with new_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="needs the permission to change owners")
def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    os.chown(path, 12345, 54321)
    atomic_write(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_a_link_never_replaces_a_file_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "latest").write_text("mine")
    (tmp_path / "champion").mkdir()
    for name in ("latest", "champion"):
        with pytest.raises(OutputError, match="is not a symbolic link"):
            replace_link(tmp_path / name, tmp_path / "a")
    assert (tmp_path / "latest").read_text() == "mine"


@pytest.mark.parametrize("owner", ["../../x", "*", "0123456789ABCDEF", 7, {}])
def test_an_owner_that_is_no_id_is_no_part_of_a_name(tmp_path: Path, owner: Any) -> None:
    assert temporary_prefix("a.csv", owner) == ".forecast-tmp-a.csv."


def test_a_long_name_has_a_temporary_one_that_the_system_accepts(tmp_path: Path) -> None:
    atomic_write(tmp_path / ("ä" * 125), b"", owner="0123456789abcdef")
    assert len(temporary_prefix("ä" * 125, None)) < 40
