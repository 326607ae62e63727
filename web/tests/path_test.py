# SPDX-License-Identifier: Apache-2.0
"""The guided path, walked by pointer and by keyboard alone."""
from browser import click, get, open_page, press_choice, settle, slide


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
        settle(page)
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
        assert page.locator("#recap").is_hidden()
        press_choice(page, "norm.rms")
        assert answered().startswith(right) and page.locator("#recap dt").count() == 4
        assert page.locator("#steps .done").count() == 7
        page.close()


def the_path_can_be_walked_by_keyboard_alone(browser):
    page = open_page(browser, "lang=zh&theme=dark")
    answered = lambda: page.locator("#guide-answer").inner_text()

    def key(selector, name="Enter"):
        page.locator(selector).focus()
        page.keyboard.press(name)
        settle(page)

    def walk_to(index, most=400):
        """Arrow by arrow to an element, as a reader would: towards it, whichever way is open."""
        page.locator("#before").focus()
        for _ in range(most):
            at = get(page, "state.at")
            if at == index:
                break
            here, there = (get(page, f"rect({max(0, i)})") for i in (at, index))
            dx, dy = there["x"] - here["x"], there["y"] - here["y"]
            page.keyboard.press(("ArrowDown" if dy > 0 else "ArrowUp") if abs(dy) > 1 else ("ArrowRight" if dx > 0 else "ArrowLeft"))
        assert get(page, "state.at") == index, (index, get(page, "state.at"))
        page.keyboard.press("Enter")
        settle(page)

    codes = page.evaluate("norma.codes()")
    walk_to(codes.index("CN"))
    walk_to(codes.index("IN"))
    assert answered().startswith("正确")
    key("#guide-next")
    key("[data-key='norm.world']")
    assert answered().startswith("正确")
    key("#guide-next")
    walk_to(40)
    walk_to(3072 + 40)
    assert answered().startswith("正确")
    key("#guide-next")
    key("[data-key='norm.sample']")
    assert answered().startswith("正确")
    key("#guide-next")
    key("#knob-shift", "ArrowRight")
    key("[data-key='norm.sample']")
    assert answered().startswith("正确")
    key("#guide-next")
    key("[data-key='norm.sample']")
    walk_to(5 * 256)
    walk_to(6 * 256)
    assert answered().startswith("正确")
    key("#guide-next")
    key("[data-key='norm.rms']")
    assert answered().startswith("正确")
    page.close()
