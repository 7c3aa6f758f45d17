import numpy as np

from forecaster.store.ledger.decimals import shorten


def test_decimals_come_back_as_they_were_written() -> None:
    written = [455.8, 0.1, -3.14159, 1e-7, 112.0, 0.0, 33.333]
    assert shorten(np.array(written, np.float32)).tolist() == written


def test_no_value_changes_as_float32_and_none_overtakes_another() -> None:
    random = np.random.default_rng(0)
    bits = np.sort(random.integers(0, 2**32, 200_000, dtype=np.uint32)).view(np.float32)
    values = np.sort(bits[np.isfinite(bits)])
    short = shorten(values)
    assert np.array_equal(short.astype(np.float32), values)
    assert (np.diff(short)[np.diff(values) > 0] > 0).all()
    assert np.isnan(shorten(np.array([np.nan], np.float32)))[0]


def test_whole_numbers_keep_all_their_digits() -> None:
    assert shorten(np.array([123456784], np.float32))[0] == 123456784
