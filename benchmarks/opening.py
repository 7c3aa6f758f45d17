"""Time how long pages take to open: `python -m benchmarks.opening PAGE...`, seconds from navigation, five times.

`usable` is the load event: verdict, first chart, tables and picker are visible. `live` is when plotly has drawn the
charts near the screen, so that they can be zoomed and show their values.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
WATCH = """
addEventListener('load', () => { window.usable = performance.now(); });
new MutationObserver(() => {
  if (!window.chart && document.querySelector('.plot svg')) window.chart = performance.now();
  if (!window.live && document.documentElement.dataset.ready) window.live = performance.now();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-ready'] });
"""
READ = "({ verdict: performance.getEntriesByType('paint')[0].startTime, chart, usable, live })"


def measure(chromium: Any, path: Path) -> dict[str, float]:
    """Open a page in a new browser."""
    browser = chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    tab = browser.new_page(viewport={"width": 1100, "height": 900})
    tab.add_init_script(WATCH)
    tab.goto(path.resolve().as_uri())
    tab.wait_for_selector("html[data-ready=yes]")
    milliseconds: dict[str, float] = tab.evaluate(READ)
    browser.close()
    return {name: value / 1000 for name, value in milliseconds.items()}


def main() -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        for path in map(Path, sys.argv[1:]):
            rounds = [measure(playwright.chromium, path) for _ in range(5)]
            print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, load {os.getloadavg()[0]:.1f}")
            for name in rounds[0]:
                print(f"  {name:8}", *(f"{value:.2f}" for value in sorted(seconds[name] for seconds in rounds)))


if __name__ == "__main__":
    main()
