# SPDX-License-Identifier: Apache-2.0
"""Widths, light and dark, accessibility, size and speed."""
import os, sys, time
from pathlib import Path
from browser import PAGE, get, open_page, settle, watch, SHOTS

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


def paper_is_white(browser):
    page = open_page(browser, "lang=en&theme=dark&data=images&norm=batch&a=516&b=3588")
    page.evaluate("addEventListener('beforeprint', () => { globalThis.printed = [document.documentElement.dataset.theme, document.querySelector('#ranks text').getAttribute('fill'), document.querySelector('#shape text').getAttribute('fill')]; })")
    dark = page.evaluate("document.querySelector('#ranks text').getAttribute('fill')")
    page.pdf()
    theme, *inks = page.evaluate("printed")
    assert theme == "light" and dark not in inks, (theme, inks, dark)
    settle(page)
    assert get(page, "state.theme") == "dark" and page.evaluate("document.querySelector('#ranks text').getAttribute('fill')") == dark
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


MOST_SCRIPT, MOST_TASK = 12, 33  # milliseconds of processor time a frame: 60 frames a second leave 16.7, on a machine that does nothing else


def dragging_over_many_elements_is_smooth(browser):
    def drag(move, seconds=1.2):
        """Moves the mouse as a hand does. (frames a second that the page drew, milliseconds of processor time of the main thread a frame, and of
        its scripts alone): processor time, as what else a machine does shall not fail a test."""
        cost = lambda: {m["name"]: 1000 * m["value"] for m in cdp.send("Performance.getMetrics")["metrics"] if m["name"] in ("TaskDuration", "ScriptDuration")}
        page.evaluate("globalThis.drawn = 0")
        began, before, k = time.monotonic(), cost(), 0
        while time.monotonic() - began < seconds:
            move(k)
            k += 1
        after, frames, took = cost(), page.evaluate("drawn"), time.monotonic() - began
        return frames / took, *((after[name] - before[name]) / frames for name in ("TaskDuration", "ScriptDuration"))

    page = watch(browser.new_page(viewport={"width": 1280, "height": 1700}))  # the pictures, the number line and the knobs at once
    page.add_init_script("globalThis.drawn = 0; const frame = requestAnimationFrame; globalThis.requestAnimationFrame = (f) => frame((now) => { f(now); ++drawn; });")
    page.goto(f"{PAGE}#lang=en&theme=light&data=images")
    page.wait_for_selector("html[data-ready]")
    page.evaluate("norma.load(Float32Array.from({length: 100352}, (_, i) => Math.sin(i * 12.9898) * 43758.5453 % 1), [8, 8, 49, 32])")
    settle(page)
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    box = {name: page.locator(f"#{name}").bounding_box() for name in ("knob-shift", "knob-weight", "stage", "before")}
    assert all(b["y"] + b["height"] < 1800 for name, b in box.items() if name != "before"), box
    across = lambda name: (lambda k: page.mouse.move(box[name]["x"] + box[name]["width"] * (0.1 + 0.8 * (k % 160) / 160), box[name]["y"] + box[name]["height"] / 2))
    over = lambda k: page.mouse.move(box["before"]["x"] + 40 + 5 * k % 400, box["before"]["y"] + 40 + 3 * k % 400)
    for name, move in (("knob-shift", across("knob-shift")), ("knob-weight", across("knob-weight")), ("stage", across("stage")), ("pointing", over)):
        move(0)
        if name != "pointing":
            page.mouse.down()
        seen = page.evaluate("JSON.stringify(norma.state)")
        rate, task, script = drag(move)
        page.mouse.up()
        assert page.evaluate("JSON.stringify(norma.state)") != seen, f"{name}: nothing was dragged"
        settle(page)
        print(f"  10^5 elements, {name}: {rate:.0f} frames a second drawn; main thread {task:.1f} ms a frame, of it scripts {script:.1f} ms")
        assert script < MOST_SCRIPT and task < MOST_TASK, (name, script, task)
    # As fast as the page can: a step a frame. (A hand's mouse is asked as often, but the test's own waits for each answer.)
    times = page.evaluate("""async () => {
      const knob = document.getElementById('knob-shift'), times = [];
      let last = await new Promise(requestAnimationFrame);
      for (let k = 0; k < 90; ++k) {
        knob.value = k / 30; knob.dispatchEvent(new Event('input', {bubbles: true}));
        const now = await new Promise(requestAnimationFrame); times.push(now - last); last = now;
      }
      return times.sort((a, b) => a - b);
    }""")
    print(f"  10^5 elements, a step of a knob each frame: {1000 / times[45]:.0f} frames a second in the median, worst {times[-1]:.0f} ms")
    page.close()
