#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The explorer in a real browser, and its bits beside the native library's.

    explorer_test.py PAGE NORMA [SCREENSHOTS]     PAGE: norma.html; NORMA: the command; SCREENSHOTS: a folder to fill

Each test is a function; its name is what it says. Any console error, page error or request to a network fails the run.
"""
import hashlib, os, struct, subprocess, sys, tempfile, time, traceback
from pathlib import Path
from playwright.sync_api import sync_playwright

PAGE, NORMA = Path(sys.argv[1]).resolve().as_uri(), Path(sys.argv[2]).resolve()
SHOTS = Path(sys.argv[3]) if len(sys.argv) > 3 else None
WIDTHS = [(360, 740), (1280, 900), (3840, 2160)]
trouble = []


def watch(page):
    page.on("console", lambda m: m.type in ("error", "warning") and trouble.append(f"console: {m.text}"))
    page.on("pageerror", lambda e: trouble.append(f"page: {e}"))
    page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or trouble.append(f"request: {r.url}"))
    return page


def open_page(browser, state="lang=en&theme=light", width=1280, height=900, **more):
    page = watch(browser.new_page(viewport={"width": width, "height": height}, **more))
    page.goto(f"{PAGE}#{state}")
    page.wait_for_selector("html[data-ready]", timeout=20000)
    return page


def settle(page):
    page.wait_for_timeout(220)


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
    page.locator(f"[data-key='{key}']").click()
    settle(page)


# ---- Tests ----

def the_seven_steps_can_be_walked_in_both_languages(browser):
    for lang, right in (("en", "Right."), ("zh", "正确。")):
        page = open_page(browser, f"lang={lang}&theme=light")
        answered = lambda: page.locator("#guide-answer").inner_text()
        codes = page.evaluate("norma.codes()")
        assert answered() == ""
        click(page, codes.index("CN"))
        assert answered() == "", "one country is no pair"
        click(page, codes.index("IN"), "after")
        assert answered().startswith(right) and "0.93" in answered()
        y = get(page, "output()")
        score = lambda code: y[str(codes.index(code))] if isinstance(y, dict) else y[codes.index(code)]
        assert abs(score("CN") + 0.93) < 0.005 and abs(score("IN") + 0.23) < 0.005, "the answer's numbers are the data's"
        page.locator("#guide-next").click()
        press_choice(page, "norm.world")
        assert answered().startswith(right)
        page.locator("#guide-next").click()
        settle(page)
        click(page, 40)
        click(page, 3072 + 40)
        assert answered().startswith(right)
        page.locator("#guide-next").click()
        settle(page)
        assert page.evaluate("((r, s) => r.x[s.a] > r.x[s.b] && r.y[s.a] < r.y[s.b])(norma.result(), norma.state)"), "flipped, as the text says"
        press_choice(page, "norm.sample")
        assert answered().startswith(right)
        page.locator("#guide-next").click()
        settle(page)
        slide(page, "knob-shift", 1)
        assert answered() == "", "under BatchNorm the others move"
        press_choice(page, "norm.instance")
        assert answered().startswith(right)
        page.locator("#guide-next").click()
        settle(page)
        press_choice(page, "norm.sample")
        click(page, 3)
        click(page, 256 * 4 + 9)
        assert answered().startswith(right)
        page.locator("#guide-next").click()
        settle(page)
        turned = page.locator("[data-claim=direction]").inner_text()
        assert "12.9" in turned and "18.7" in turned, turned
        press_choice(page, "norm.rms")
        assert answered().startswith(right)
        page.close()


def the_keyboard_does_what_the_pointer_does(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    page.locator("#before").focus()
    for key in ("ArrowRight", "ArrowDown", "Enter", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    settle(page)
    a, b = get(page, "state.a"), get(page, "state.b")
    assert (a, b) == (32, 33), (a, b)
    assert "One distribution" in page.locator("#verdict").inner_text()
    assert "Mean" in page.locator("#say").inner_text() and "Yes" in page.locator("#say").inner_text()
    page.locator("[data-key='norm.instance']").focus()
    page.keyboard.press("Enter")
    settle(page)
    assert get(page, "state.norm") == "instance"
    assert page.evaluate("document.activeElement.dataset.key") == "norm.instance", "the focus stays where it was"
    page.locator("[data-key='axis.1']").focus()
    page.keyboard.press("Space")
    settle(page)
    assert get(page, "state.norm") == "sample", "marking C as well makes LayerNorm of InstanceNorm, and says so"
    page.locator("#stage").focus()
    page.keyboard.press("Home")
    settle(page)
    assert get(page, "state.stage") == 0
    page.locator("#knob-shift").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert get(page, "state.shift") == 0.05
    page.close()


def touch_pins_elements(browser):
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = watch(context.new_page())
    page.goto(f"{PAGE}#lang=en&theme=light&data=images&norm=sample")
    page.wait_for_selector("html[data-ready]")
    page.locator("#before").scroll_into_view_if_needed()
    box, rect = page.locator("#before").bounding_box(), get(page, "rect(100)")
    page.touchscreen.tap(box["x"] + rect["x"] + 1, box["y"] + rect["y"] + 1)
    settle(page)
    assert get(page, "state.a") >= 0
    context.close()


def knobs_move_whom_they_should(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    def others_moved():
        slide(page, "knob-shift", 0)
        page.evaluate("globalThis.kept = Array.from(norma.output())")
        slide(page, "knob-shift", 2)
        return page.evaluate("norma.output().some((v, i) => i >= 3072 && v !== kept[i])")
    assert others_moved(), "BatchNorm: the mates move"
    press_choice(page, "norm.sample")
    assert not others_moved(), "LayerNorm: not a bit"
    slide(page, "knob-weight", -1)
    click(page, 10)
    click(page, 500)
    assert "reversed" in page.locator("#verdict").inner_text()
    slide(page, "knob-weight", 1)
    page.locator("#knob-vary").check()
    settle(page)
    assert "Not any more" in page.locator("#verdict").inner_text()
    slide(page, "knob-batch", 2)
    assert get(page, "shape()")[0] == 2
    page.mouse.move(2, 2)
    settle(page)
    assert get(page, "state.at") == 500, "what was clicked last stays to be edited"
    page.locator("#value").fill("255.5")
    page.locator("#value").press("Enter")
    settle(page)
    assert abs(page.evaluate("norma.input()[500]") - 255.5) < 1e-3, "the value that was typed, with the knobs where they are"
    page.close()


def padding_counts_only_where_it_is_asked_for(browser):
    page = open_page(browser, "lang=en&theme=light&data=sentences&norm=batch")
    assert page.evaluate("norma.result().ids.slice(9 * 256, 10 * 256).every((id) => id === -1)")
    page.locator("#knob-pads").check()
    settle(page)
    assert page.evaluate("norma.result().ids.every((id) => id >= 0)")
    page.close()


def running_statistics_follow(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    assert page.locator("#run-eval").is_disabled()
    page.locator("#run-next").click()
    page.get_by_role("button", name="20 batches").click()
    settle(page)
    assert "21 batches" in page.locator("#running").inner_text()
    page.evaluate("globalThis.kept = Array.from(norma.output())")
    page.locator("#run-eval").click()
    settle(page)
    assert page.evaluate("norma.output().some((v, i) => v !== kept[i])")
    page.evaluate("globalThis.kept = Array.from(norma.output())")
    slide(page, "knob-shift", 2)
    assert page.evaluate("norma.output().every((v, i) => i < 3072 || v === kept[i])"), "in inference no mate matters"
    page.close()


def own_data_is_text_and_what_is_broken_changes_nothing(browser):
    page = open_page(browser, "lang=en&theme=light")
    press_choice(page, "data.own")
    page.locator("#own-text").fill("name,<img src=x onerror=alert(1)>,b\n<b>one</b>,1,2\ntwo,3,5\nthree,4,1")
    page.locator("#own-go").click()
    settle(page)
    assert get(page, "shape()") == [3, 2]
    click(page, 0)
    assert "<b>one</b>" in page.locator("#point").inner_text() and page.locator("#point img").count() == 0
    before = page.evaluate("JSON.stringify([norma.state, Array.from(norma.input())])")
    for broken in ("1,2\n3", "", "1,2\n3,x\n4,5"):
        page.locator("#own-text").fill(broken)
        page.locator("#own-go").click()
        settle(page)
        assert page.locator("#error").is_visible() and page.locator("#error").inner_text().startswith("["), broken
        assert page.evaluate("JSON.stringify([norma.state, Array.from(norma.input())])") == before, "the state is as it was"
    for name, content in (("cut.npy", npy([4, 4], [0.0] * 16)[:-9]), ("no.npy", b"hello"), ("x.png", b"\x89PNG broken")):
        page.locator("#own-file").set_input_files({"name": name, "mimeType": "image/png" if name.endswith("png") else "", "buffer": content})
        settle(page)
        assert name in page.locator("#error").inner_text(), page.locator("#error").inner_text()
        assert page.evaluate("JSON.stringify([norma.state, Array.from(norma.input())])") == before
    page.locator("#own-file").set_input_files({"name": "x.npy", "mimeType": "", "buffer": npy([2, 3, 4], range(24))})
    settle(page)
    assert get(page, "shape()") == [2, 3, 4] and not page.locator("#error").is_visible()
    page.locator("#own-text").fill("我想打篮球\n一打包子")
    page.locator("#own-go").click()
    settle(page)
    assert get(page, "shape()") == [2, 5, 32] and "no language model" in page.locator("#error").inner_text()
    page.close()


def what_is_refused_is_taken_back(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    page.evaluate("norma.load(Float32Array.from({length: 64}, (_, i) => i * i % 17), [2, 8, 2, 2])")
    settle(page)
    press_choice(page, "norm.group")
    assert get(page, "state.groups") == 2 and get(page, "result().distributions") == 4
    slide(page, "knob-groups", 3)
    assert "does not divide the 8 channels" in page.locator("#error").inner_text()
    assert get(page, "state.groups") == 2 and get(page, "result().distributions") == 4
    page.close()


def the_animation_runs_through_the_stages(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    page.locator("#play").click()
    page.wait_for_timeout(1500)
    assert 0 < get(page, "state.stage") < 3
    page.wait_for_timeout(3500)
    assert get(page, "state.stage") == 3
    page.close()
    still = open_page(browser, "lang=en&theme=light&data=images&norm=batch&stage=0", reduced_motion="reduce")
    still.locator("#play").click()
    settle(still)
    assert get(still, "state.stage") == 1, "with reduced motion, a step a press"
    still.close()


def the_address_holds_the_state(browser):
    page = open_page(browser, "lang=zh&theme=dark&data=images&norm=instance&a=5&b=2000&shift=1.5")
    settle(page)
    again = open_page(browser, page.url.split("#")[1])
    for key in ("lang", "theme", "data", "norm", "a", "b", "shift"):
        assert get(page, f"state.{key}") == get(again, f"state.{key}"), key
    page.close()
    again.close()
    hostile = open_page(browser, "lang=en&theme=light&data=%3Cscript%3E&norm=nonsense&a=1e300&stage=x")
    assert hostile.locator("#made").inner_text() != ""
    hostile.close()


def pictures_can_be_saved(browser):
    page = open_page(browser)
    for kind, begins in (("svg", b"<svg"), ("png", b"\x89PNG")):
        with page.expect_download() as download:
            page.locator(f"[data-export={kind}]").click()
        content = Path(download.value.path()).read_bytes()
        assert content.startswith(begins) and len(content) > 5000
    page.close()


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
        for data in ("incomes", "images&norm=batch&a=516&b=3588&at=516", "sentences&norm=sample"):
            page = open_page(browser, f"lang=en&theme={theme}&data={data}")
            page.locator("#running").scroll_into_view_if_needed()
            page.evaluate(axe)
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')))")
            assert not found, (theme, data, found)
            page.close()


def it_is_painted_early_and_small(browser):
    size = Path(sys.argv[1]).stat().st_size
    page = open_page(browser)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    print(f"  {size / 1000:.0f} KB with the sample data, first paint after {paint:.0f} ms")
    assert size < 400_000
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


def npy(shape, values):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    values = list(values)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}f", *values)


def the_bits_are_the_native_librarys(browser):
    cases = [(f"data=images&norm={norm}", ["--norm", native], {}) for norm, native in
             (("batch", "batch"), ("sample", "sample"), ("instance", "instance"), ("rms", "rms"))]
    cases += [("data=images&norm=group&groups=3", ["--norm", "group", "--groups", "3"], {}), ("data=images&norm=position", ["--axes", "1"], {}),
              ("data=images&norm=batch&eps=-2.5&shift=1.35&batch=3", ["--norm", "batch"], {"eps": 10 ** -2.5})]
    cases += [(f"data=sentences&norm={norm}&level={level}", ["--norm", native, "--layout", "NLD", "--lengths", "9,10"], {}) for level in ("layer2", "embedding")
              for norm, native in (("sample", "sample"), ("token", "layer"), ("rms", "rms"))]
    with tempfile.TemporaryDirectory() as folder:
        for state, options, more in cases:
            page = open_page(browser, f"lang=en&theme=light&{state}")
            page.wait_for_selector("#hash")
            x, shape, shown = page.evaluate("Array.from(norma.input())"), get(page, "shape()"), page.locator("#hash").inner_text()
            eps = page.evaluate("norma.result().options.eps")
            source, target = Path(folder, "x.npy"), Path(folder, "y.npy")
            source.write_bytes(npy(shape, x))
            subprocess.run([NORMA, "apply", source, "-o", target, *options, "--eps", repr(eps)], check=True, capture_output=True)
            native = hashlib.sha256(target.read_bytes()[-4 * len(x):]).hexdigest()
            assert native == shown, (state, native, shown)
            page.close()
    print(f"  {len(cases)} outputs, equal to the last bit")


TESTS = [v for k, v in list(globals().items()) if callable(v) and getattr(v, "__code__", None) and v.__code__.co_varnames[:1] == ("browser",) and k != "open_page"]


def main():
    failed = 0
    with sync_playwright() as playwright:
        path = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if os.path.exists(p)), None)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        only = os.environ.get("ONLY")
        for test in TESTS:
            if only and only not in test.__name__:
                continue
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
    print(f"{len(TESTS) - failed} of {len(TESTS)} browser tests passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
