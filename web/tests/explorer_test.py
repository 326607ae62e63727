#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The explorer in a real browser, and its bits beside the native library's.

    explorer_test.py PAGE NORMA [SCREENSHOTS]     PAGE: norma.html; NORMA: the command; SCREENSHOTS: a folder to fill

Each test is a function; its name is what it says. Any console error, page error or request to a network fails the run. ONLY=WORD runs the
tests that have the word in their name.
"""
import inspect, os, sys, time, traceback
from playwright.sync_api import sync_playwright
from browser import trouble
import bits_test, data_test, looks_test, path_test, rooms_test, stage_test

TESTS = [test for module in (path_test, stage_test, rooms_test, data_test, looks_test, bits_test)
         for test in vars(module).values() if inspect.isfunction(test) and test.__module__ == module.__name__]


def main():
    ran = failed = 0
    with sync_playwright() as playwright:
        path = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if os.path.exists(p)), None)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        only = os.environ.get("ONLY")
        for test in TESTS:
            if only and only not in test.__name__:
                continue
            ran += 1
            began, trouble[:] = time.monotonic(), []
            try:
                test(browser)
                assert not trouble, trouble
                print(f"passed  {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as error:
                failed += 1
                where = traceback.extract_tb(error.__traceback__)[-1]
                print(f"FAILED  {test.__name__}: {type(error).__name__}: {str(error)[:600]} ({where.line})", flush=True)
        browser.close()
    print(f"{ran - failed} of {ran} browser tests passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
