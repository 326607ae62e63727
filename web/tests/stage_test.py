# SPDX-License-Identifier: Apache-2.0
"""Pointing, pinning, choosing, and the stages of the computation."""
from browser import click, get, open_page, press_choice, settle, slide, wait_until, watch, PAGE


def the_keyboard_does_what_the_pointer_does(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    page.locator("#before").focus()
    for key in ("ArrowRight", "ArrowDown", "Enter", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    settle(page)
    a, b = get(page, "state.a"), get(page, "state.b")
    assert (a, b) == (32, 33), (a, b)
    assert "One distribution" in page.locator("#verdict").inner_text()
    assert all(word in page.locator("#say").inner_text() for word in ("mean", "deviation", "In R", "Yes")), page.locator("#say").inner_text()
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


def the_animation_runs_through_the_stages(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    page.locator("#play").click()
    wait_until(page, "norma.state.stage > 0 && norma.state.stage < 3")
    wait_until(page, "norma.state.stage === 3")
    for stage in ("0", "1", "2"):
        page.locator(f"[data-stage='{stage}']").click()
        settle(page)
        assert get(page, "state.stage") == int(stage)
    page.close()
    still = open_page(browser, "lang=en&theme=light&data=images&norm=batch&stage=0", reduced_motion="reduce")
    still.locator("#play").click()
    settle(still)
    assert get(still, "state.stage") == 1, "with reduced motion, a step a press"
    still.close()


def pointing_lights_the_distribution_in_both_pictures(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    pixels = lambda: page.evaluate("['before', 'after', 'ruler'].map((id) => document.getElementById(id).toDataURL())")
    first = pixels()
    box, rect = page.locator("#after").bounding_box(), get(page, "rect(2148)")
    page.mouse.move(box["x"] + rect["x"] + 1, box["y"] + rect["y"] + 1)
    settle(page)
    assert get(page, "state.at") == 2148 and "cat · B" in page.locator("#now").inner_text()
    assert all(a != b for a, b in zip(first, pixels())), "both pictures and the number line show it"
    page.close()


def the_formula_holds_the_real_numbers(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch&eps=3")
    click(page, 100)
    said = page.locator("#point").inner_text()
    m, x, y = get(page, "result().moments[0]"), page.evaluate("norma.input()[100]"), page.evaluate("norma.output()[100]")
    root = (m["m2"] / m["count"] + 1000) ** 0.5
    assert f"{root:.4g}" in said and f"{m['mean']:.4g}" in said, said
    assert abs((x - m["mean"]) / root - y) < 1e-5 and f"{abs(y):.3g}"[:5] in said, (said, y)
    page.close()


def a_pair_says_what_became_of_difference_and_ratio(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch&a=100&b=200")
    m, x, y = get(page, "result().moments[0]"), page.evaluate("[norma.input()[100], norma.input()[200]]"), page.evaluate("[norma.output()[100], norma.output()[200]]")
    assert abs((x[0] - x[1]) / (m["m2"] / m["count"]) ** 0.5 - (y[0] - y[1])) < 1e-4
    said = page.locator("#verdict").inner_text()
    assert "divided by" in said and "ratio does not outlive" in said
    press_choice(page, "norm.rms")
    assert "so ratios stay" in page.locator("#verdict").inner_text()
    x, y = page.evaluate("[norma.input()[100] / norma.input()[200], norma.output()[100] / norma.output()[200]]")
    assert abs(x - y) < 1e-5
    press_choice(page, "norm.position")
    assert "No." in page.locator("#verdict").inner_text() and "measures nothing" in page.locator("#verdict").inner_text()
    page.close()


def groups_lead_from_layer_norm_to_instance_norm(browser):
    page = open_page(browser, "lang=en&theme=light&data=features&norm=sample")
    seen = []
    page.locator("#knob-groups").focus()
    for key in ("", "ArrowRight", "ArrowRight", "ArrowRight"):
        if key:
            page.keyboard.press(key)
            settle(page)
            assert page.evaluate("document.activeElement.id") == "knob-groups", "the slider keeps the focus"
        seen.append((get(page, "state.norm"), get(page, "result().distributions"), page.locator("#groups output").inner_text()))
    assert [s[:2] for s in seen] == [("sample", 4), ("group", 8), ("group", 12), ("instance", 24)], seen
    assert "LayerNorm" in seen[0][2] and "InstanceNorm" in seen[3][2]
    slide(page, "knob-groups", 1)
    assert get(page, "state.norm") == "group" and get(page, "state.groups") == 2
    page.close()


def each_choice_of_axes_has_its_name(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    press_choice(page, "axis.0")
    assert get(page, "state.norm") == "instance" and "InstanceNorm" in page.locator("#made").inner_text()
    press_choice(page, "axis.2")
    assert "Your own choice" in page.locator("#made").inner_text() and get(page, "result().distributions") == 4 * 3 * 32
    press_choice(page, "axis.3")
    assert get(page, "result().distributions") == 4 * 3 * 32 * 32, "nothing is measured together"
    assert page.evaluate("norma.output().every((v) => v === 0)") and "eps" in page.locator("#aside").inner_text()
    page.close()
