# SPDX-License-Identifier: Apache-2.0
"""What the browser tests share: a page that is watched, and hands that click, drag and type."""
import struct, sys, time
from pathlib import Path

from playwright.sync_api import TimeoutError as TookTooLong

PAGE, NORMA = Path(sys.argv[1]).resolve().as_uri(), Path(sys.argv[2]).resolve()
SHOTS = Path(sys.argv[3]) if len(sys.argv) > 3 else None
trouble = []


def watch(page):
    page.on("console", lambda m: m.type in ("error", "warning") and trouble.append(f"console: {m.text}"))
    page.on("pageerror", lambda e: trouble.append(f"page: {e}"))
    page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or trouble.append(f"request: {r.url}"))
    return page


def open_page(browser, state="lang=en&theme=light", width=1280, height=900, **more):
    page = watch(browser.new_page(viewport={"width": width, "height": height}, **more))
    page.goto(f"{PAGE}#{state}")
    page.wait_for_selector("html[data-ready]", timeout=60000)
    settle(page)
    return page


def wait_until(page, condition, seconds=60):
    """Asks again and again: Playwright's own waiting compiles a string in the page, which the page forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"not within {seconds} s: {condition}"
        page.wait_for_timeout(20)


def settle(page):
    """Until the light has arrived and what waits for the finger's rest is drawn."""
    page.wait_for_timeout(40)
    wait_until(page, "norma.idle()")


def get(page, expression):
    return page.evaluate(f"(norma.{expression})")


def click(page, index, canvas="before"):
    page.locator(f"#{canvas}").scroll_into_view_if_needed()
    box, rect = page.locator(f"#{canvas}").bounding_box(), get(page, f"rect({index})")
    page.mouse.click(box["x"] + rect["x"] + rect["w"] / 2, box["y"] + rect["y"] + rect["h"] / 2)
    settle(page)


def slide(page, knob, value):
    page.eval_on_selector(f"#{knob}", "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true})); }", value)
    settle(page)


def press_choice(page, key):
    page.locator(f"[data-key='{key}']").first.click()
    settle(page)


def keep_output(page):
    page.evaluate("globalThis.kept = Array.from(norma.output())")


def moved(page, first=0, last=None):
    """Whether an output between two places differs from what keep_output() saw, by one bit at least."""
    return page.evaluate("([first, last]) => Array.from(norma.output()).slice(first, last ?? undefined).some((v, i) => !Object.is(v, kept[first + i]))", [first, last])


def download(page, selector):
    """What a click saves: at the third click at the latest, as a browser that has no processor drops a download now and then."""
    for tries_left in (2, 1, 0):
        try:
            with page.expect_download(timeout=30_000 if tries_left == 0 else 10_000) as found:
                page.locator(selector).click()
            return found.value.suggested_filename, Path(found.value.path()).read_bytes()
        except TookTooLong:
            if tries_left == 0:
                raise
            print(f"  {selector}: not saved within 10 s, clicked again")


def npy(shape, values):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    values = list(values)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}f", *values)
