"""Write `data/sales.csv`, the sample of shops that the documentation runs on.

    python -m benchmarks.sales [-o FILE]

The table has a row for each day and shop. Its sales are a product of known effects and noise, rounded to whole numbers,
so that a forecast can be compared with what is true. After the last sales follow two weeks in which only promotions,
opening days and the temperature are known. The same Python code draws the same numbers on every machine.
"""

import argparse
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

OUTPUT = Path(__file__).parents[1] / "data" / "sales.csv"
HEADER = "day,shop,sales,promo,open,temperature,region,size"

_SEED = 11
_FIRST_DAY = date(2023, 1, 2)
_LAST_DAY = date(2025, 6, 28)  # the last day with sales
_DAYS_AHEAD = 14  # later days, with known columns only

PROMOTION = 1.5  # factor of a promotion with a usual response
DIP = 0.85  # factor on the days after a promotion, when customers have stocked up
_DAYS_OF_DIP = 4
_PROMOTION_DAYS = (4, 7)
_DAYS_BETWEEN_PROMOTIONS = (10, 32)
DEGREE = 0.015  # relative change of sales per degree
_GROWTH = 0.05  # relative growth of sales in a year
_HOLIDAY_EVE = 1.25
_CHRISTMAS = 0.35  # relative rise of sales on the days before Christmas
_NOISE = 0.06  # standard deviation of the logarithm of a day
_STOCK_OUT = {0: 0.008, 1: 0.03}  # probability that demand is unknown, without and with a promotion

# Factors from Monday to Sunday, the usual week and one of commuters and students.
_USUAL_WEEK = (0.90, 0.88, 0.92, 0.98, 1.15, 1.35, 0.95)
_WORKING_WEEK = (1.10, 1.12, 1.10, 1.08, 1.15, 0.80, 0.60)

# The public holidays of all of Germany; from Easter, the dates move.
HOLIDAYS = frozenset(
    date.fromisoformat(f"{year}-{day}")
    for year, days in {
        2023: ("04-07", "04-10", "05-18", "05-29"),
        2024: ("03-29", "04-01", "05-09", "05-20"),
        2025: ("04-18", "04-21", "05-29", "06-09"),
    }.items()
    for day in ("01-01", "05-01", "10-03", "12-25", "12-26", *days)
)


@dataclass(frozen=True)
class Shop:
    """A shop, and how its customers behave.

    Attributes:
        name: its name in the column `shop`.
        region: the region, whose weather it has.
        size: square metres.
        level: sales of a usual day in the first year.
        week: factors from Monday to Sunday.
        response: how strongly sales respond to a promotion; 1 is usual.
        is_open_on_sundays: True if it is open on Sundays and public holidays too.
        first_day: the day on which it opened.
    """

    name: str
    region: str
    size: int
    level: float
    week: tuple[float, ...] = _USUAL_WEEK
    response: float = 1.0
    is_open_on_sundays: bool = False
    first_day: date = _FIRST_DAY

    def is_open(self, day: date) -> bool:
        """Return True if the shop sells on a day."""
        return self.is_open_on_sundays or (day.weekday() < 6 and day not in HOLIDAYS)


SHOPS = (
    Shop("airport", "inland", 180, 210, _WORKING_WEEK, 0.6, is_open_on_sundays=True, first_day=date(2024, 4, 18)),
    Shop("harbour", "coast", 420, 340),
    Shop("market", "inland", 650, 520, response=1.1),
    Shop("oldtown", "inland", 240, 160),
    Shop("pier", "coast", 120, 90, is_open_on_sundays=True),
    Shop("station", "inland", 300, 430, _WORKING_WEEK, 0.7, is_open_on_sundays=True),
    Shop("village", "coast", 200, 110, response=1.2),
)


def list_days() -> list[date]:
    """Return all days of the table, those ahead included."""
    return [_FIRST_DAY + timedelta(days=day) for day in range((_LAST_DAY - _FIRST_DAY).days + 1 + _DAYS_AHEAD)]


def draw_temperatures(generator: random.Random, days: Sequence[date], *, mean: float, swing: float) -> list[int]:
    """Draw whole degrees: a yearly season, and deviations from it that fade within some days."""
    deviation, degrees = 0.0, []
    for day in days:
        deviation = 0.75 * deviation + generator.gauss(0, 2.4)
        season = math.cos(2 * math.pi * (day.timetuple().tm_yday - 200) / 365.25)  # The warmest day is in July.
        degrees.append(round(mean + swing * season + deviation))
    return degrees


def draw_promotions(generator: random.Random, days: Sequence[date]) -> list[int]:
    """Draw 1 for each day of a promotion, 0 for the others; their lengths and distances are irregular."""
    promotions: list[int] = []
    while len(promotions) < len(days):
        promotions += [0] * generator.randint(*_DAYS_BETWEEN_PROMOTIONS)
        promotions += [1] * generator.randint(*_PROMOTION_DAYS)
    return promotions[: len(days)]


def expect_sales(shop: Shop, day: date, temperature: int, promotions: Sequence[int]) -> float:
    """Return the sales that a day would have without noise.

    Args:
        shop: the shop, which is open.
        day: the day.
        temperature: degrees of this day.
        promotions: 1 or 0 for each day up to this one.
    """
    sales = shop.level * shop.week[day.weekday()] * math.pow(1 + _GROWTH, (day - _FIRST_DAY).days / 365.25)
    sales *= math.exp(DEGREE * (temperature - 10))
    if promotions[-1]:
        sales *= PROMOTION**shop.response
    elif any(promotions[-1 - _DAYS_OF_DIP : -1]):
        sales *= DIP
    if day + timedelta(days=1) in HOLIDAYS and not shop.is_open_on_sundays:
        sales *= _HOLIDAY_EVE
    days_to_christmas = (date(day.year, 12, 24) - day).days
    return sales * (1 + _CHRISTMAS * max(0.0, 1 - days_to_christmas / 28)) if days_to_christmas >= 0 else sales


def draw_cells(generator: random.Random, shop: Shop, temperatures: Sequence[int]) -> dict[date, str]:
    """Draw the row of each day on which a shop exists, without its name.

    Args:
        generator: that of this shop.
        shop: the shop.
        temperatures: degrees of its region, for each day of `list_days`.
    """
    days = list_days()
    promotions = draw_promotions(generator, days)
    rows = {}
    for number, (day, temperature) in enumerate(zip(days, temperatures, strict=True)):
        if day < shop.first_day:
            continue
        is_open = shop.is_open(day)
        promotion = promotions[number] if is_open else 0
        sales = "0"
        if is_open:
            expected = expect_sales(shop, day, temperature, promotions[: number + 1])
            sales = str(round(expected * math.exp(generator.gauss(0, _NOISE))))
            if generator.random() < _STOCK_OUT[promotion] and day < _LAST_DAY:
                sales = ""
        if day > _LAST_DAY:
            sales = ""
        rows[day] = f"{sales},{promotion},{int(is_open)},{temperature},{shop.region},{shop.size}"
    return rows


def list_rows() -> Iterator[str]:
    """Yield the header and the rows of the table, by day and shop."""
    days = list_days()
    temperatures = {
        "coast": draw_temperatures(random.Random(f"{_SEED} coast"), days, mean=11, swing=7),
        "inland": draw_temperatures(random.Random(f"{_SEED} inland"), days, mean=10, swing=10),
    }
    cells = {
        shop.name: draw_cells(random.Random(f"{_SEED} {shop.name}"), shop, temperatures[shop.region]) for shop in SHOPS
    }
    yield HEADER
    for day in days:
        for name, rows in cells.items():
            if day in rows:
                yield f"{day},{name},{rows[day]}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=OUTPUT, help="the file to write, by default data/sales.csv")
    arguments = parser.parse_args(argv)
    arguments.out.write_text("".join(f"{row}\n" for row in list_rows()), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
