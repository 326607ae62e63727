# SPDX-License-Identifier: Apache-2.0
"""Widths, light and dark, accessibility, size and speed."""
import sys
from pathlib import Path
from browser import open_page, settle, SHOTS

WIDTHS = [(360, 740), (1280, 900), (3840, 2160)]


def nothing_overflows_at_three_widths_in_light_and_dark(browser):
    for width, height in WIDTHS:
        for theme in ("light", "dark"):
            for data in ("incomes", "images&norm=batch&at=516&a=516&b=3588&step=3", "sentences&norm=sample&at=1290&a=1290&b=4138&step=6"):
                page = open_page(browser, f"lang={'zh' if data[0] == 's' else 'en'}&theme={theme}&data={data}", width, height)
                settle(page)
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, theme, data)
                if SHOTS:
                    SHOTS.mkdir(parents=True, exist_ok=True)
                    page.screenshot(path=str(SHOTS / f"{data.split('&')[0]}-{width}-{theme}.png"))
                page.close()


def axe_finds_nothing(browser):
    try:
        import axe_playwright_python
    except ImportError:
        print("skipped: axe-core is not installed")
        return
    axe = next(Path(axe_playwright_python.__file__).parent.glob("**/axe*.js")).read_text()
    for theme in ("light", "dark"):
        for data in ("incomes", "images&norm=batch&a=516&b=3588&at=516", "sentences&norm=sample", "features&norm=group&step=7"):
            page = open_page(browser, f"lang={'zh' if data[0] == 's' else 'en'}&theme={theme}&data={data}")
            page.locator("#running").scroll_into_view_if_needed()
            page.evaluate(axe)
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')))")
            assert not found, (theme, data, found)
            page.close()


def it_is_painted_early_and_small(browser):
    size = Path(sys.argv[1]).stat().st_size
    samples = len(next(line for line in Path(sys.argv[1]).read_text().splitlines() if line.startswith("const SAMPLES")).encode())
    page = open_page(browser)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    print(f"  {size / 1000:.0f} KB, {(size - samples) / 1000:.0f} KB without the sample data; first paint after {paint:.0f} ms")
    assert size - samples < 400_000
    assert paint < page.evaluate("document.documentElement.dataset.ready ? performance.now() : 0")
    page.close()


def dragging_over_many_elements_is_smooth(browser):
    page = open_page(browser, "lang=en&theme=light&data=images")
    page.evaluate("norma.load(Float32Array.from({length: 100352}, (_, i) => Math.sin(i * 12.9898) * 43758.5453 % 1), [8, 8, 49, 32])")
    settle(page)
    times = page.evaluate("""async () => {
      const knob = document.getElementById('knob-shift'), times = [];
      let last = await new Promise(requestAnimationFrame);
      for (let k = 0; k < 60; ++k) {
        knob.value = k / 30; knob.dispatchEvent(new Event('input', {bubbles: true}));
        const now = await new Promise(requestAnimationFrame); times.push(now - last); last = now;
      }
      return times.sort((a, b) => a - b);
    }""")
    print(f"  10^5 elements, a knob dragged: {1000 / times[30]:.0f} frames a second in the median, worst {times[-1]:.0f} ms")
    page.close()
