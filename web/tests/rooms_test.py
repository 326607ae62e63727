# SPDX-License-Identifier: Apache-2.0
"""Knobs, batch mates, running statistics, words, charts, the table and the claims."""
import re
from browser import click, get, keep_output, moved, open_page, press_choice, settle, slide, wait_until


def knobs_move_whom_they_should(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")

    def others_moved():
        slide(page, "knob-shift", 0)
        keep_output(page)
        slide(page, "knob-shift", 2)
        by = [float(v) for v in page.locator("[data-moved]").evaluate_all("(all) => all.map((e) => e.dataset.moved)")]
        assert [v > 0 for v in by] == [moved(page, 3072 * n, 3072 * (n + 1)) for n in range(4)], by
        return moved(page, 3072)

    assert others_moved(), "BatchNorm: the mates move"
    press_choice(page, "norm.sample")
    assert not others_moved(), "LayerNorm: not a bit"
    slide(page, "knob-weight", -1)
    click(page, 10)
    click(page, 500)
    assert "reverses every pair" in page.locator("#verdict").inner_text()
    slide(page, "knob-weight", 1)
    page.locator("#knob-vary").check()
    settle(page)
    assert "Not any more" in page.locator("#verdict").inner_text()
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
    said = page.locator("#pads").inner_text()
    assert "without the padding" in said, said
    page.close()


def running_statistics_follow(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    assert page.locator("#run-eval").is_disabled()
    page.locator("#run-next").click()
    early = float(page.locator("#mismatch").get_attribute("value"))
    page.locator("#run-many").click()
    seen = "[...document.querySelectorAll('#running p')].some((p) => p.textContent.startsWith('Batches seen: 21,'))"
    wait_until(page, seen)
    settle(page)
    late = float(page.locator("#mismatch").get_attribute("value"))
    assert 0 < late < early, (early, late, "the mismatch shrinks")
    keep_output(page)
    page.locator("#run-eval").click()
    settle(page)
    assert moved(page)
    keep_output(page)
    slide(page, "knob-shift", 2)
    assert not moved(page, 3072), "in inference no mate matters"
    slide(page, "knob-shift", 0)
    slide(page, "momentum", 1)
    assert page.evaluate(seen) and get(page, "state.mode") == "eval", "the same batches, another momentum"
    page.locator("#run-fresh").focus()
    page.keyboard.press("Enter")
    settle(page)
    assert get(page, "state.mode") == "train" and page.locator("#mismatch").count() == 0
    page.close()


def running_statistics_follow_on_a_readers_own_table(browser):
    page = open_page(browser, "lang=en&theme=light&data=images")
    for shape in ([8, 3], [6, 4, 5]):
        page.evaluate("(shape) => norma.load(Float32Array.from({length: shape.reduce((a, b) => a * b)}, (_, i) => i * i % 17), shape)", shape)
        settle(page)
        page.locator("#run-next").click()
        settle(page)
        page.locator("#run-eval").click()
        settle(page)
        mean, y = get(page, "result().moments[1].mean"), page.evaluate("Array.from(norma.output())")
        x, m = page.evaluate("Array.from(norma.input())"), get(page, "result().moments[1]")
        assert abs(y[1] - (x[1] - mean) / (m["m2"] + 1e-5) ** 0.5) < 1e-5, "by what was collected"
    page.evaluate("norma.load(Float32Array.of(1, 2, 3, 5), [2, 2, 1, 1])")
    settle(page)
    page.locator("#run-next").click()
    settle(page)
    assert page.locator("#error").is_visible() and "batch" in page.locator("#error").inner_text().lower(), page.locator("#error").inner_text()
    assert page.locator("#run-eval").is_disabled(), "nothing was seen"
    page.close()


def mates_leave_and_come_back_down_to_one(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch&a=100&b=200")
    keep_output(page)
    press_choice(page, "mate.3")
    assert get(page, "shape()") == [3, 3, 32, 32] and moved(page, 0, 3072) and get(page, "state.a") == 100, "your sample moves, the pins stay"
    page.locator("[data-key='mate.2']").focus()
    page.keyboard.press("Space")
    settle(page)
    assert page.evaluate("document.activeElement.dataset.key") == "mate.2"
    press_choice(page, "mate.1")
    assert get(page, "shape()") == [1, 3, 32, 32] and "A batch of one" in page.locator("#aside").inner_text()
    keep_output(page)
    press_choice(page, "norm.instance")
    assert not moved(page), "BatchNorm of a batch of one is InstanceNorm, to the last bit"
    page.locator("[data-key='mate.0']").click(force=True)  # it says that it is disabled, and still can be pressed
    settle(page)
    assert get(page, "shape()")[0] == 1, "the last one stays"
    for mate in (1, 2, 3):
        press_choice(page, f"mate.{mate}")
    assert get(page, "shape()")[0] == 4 and page.locator("#aside").inner_text() == ""
    page.evaluate("norma.load(Float32Array.from({length: 40}, (_, i) => i * i % 17), [20, 2, 1, 1])")
    settle(page)
    slide(page, "knob-batch", 1)
    assert get(page, "shape()") == [1, 2, 1, 1] and page.evaluate("norma.output().every((v) => v === 0)")
    assert "refuses to train" in page.locator("#aside").inner_text()
    page.close()


def weight_and_bias_can_undo_and_eps_can_win(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch&a=516&b=3588")
    page.locator("#knob-undo").check()
    settle(page)
    assert page.evaluate("norma.output().every((v, i) => Math.abs(v - norma.input()[i]) < 1e-4)"), "the input is back"
    page.locator("#rest").click()
    settle(page)
    assert not page.locator("#knob-undo").is_checked()
    press_choice(page, "norm.instance")
    spread = lambda: page.evaluate("Math.max(...norma.output().slice(0, 1024)) - Math.min(...norma.output().slice(0, 1024))")
    full = spread()
    slide(page, "knob-contrast", -1)
    assert abs(spread() - full) < 0.02 * full, "InstanceNorm brings the contrast back"
    slide(page, "knob-eps", 4)
    assert spread() < 0.3 * full, "until eps is larger than the variance"
    slide(page, "knob-contrast", -6)
    assert page.evaluate("norma.output().slice(0, 3072).every(Number.isFinite)")
    click(page, 10)
    assert "All numbers of the lit distribution are equal" in page.locator("#aside").inner_text()
    page.close()


def words_turn_and_their_cosines_are_told(browser):
    page = open_page(browser, "lang=en&theme=light&data=sentences&level=layer2&norm=batch")
    said = page.locator("#cosine").inner_text()
    assert "打" in said and "0.805" in said, ("the two 打 after layer 2", said)
    press_choice(page, "norm.rms")
    assert "0.0° on average" in page.locator("#words").inner_text()
    page.locator("#matrix-after").focus()
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert page.locator("#cosine").inner_text() != said and page.evaluate("document.activeElement.id") == "matrix-after"
    box = page.locator("#matrix-before").bounding_box()
    page.locator("#matrix-before").click(position={"x": box["width"] * 0.5, "y": box["width"] * 0.5})
    settle(page)
    assert "1.000 → 1.000" in page.locator("#cosine").inner_text(), "on the diagonal a word meets itself"
    press_choice(page, "norm.token")
    parts = page.evaluate("""(() => { const r = norma.result(), d = r.shape[2]; let most = 0;
      for (let w = 0; w < 9; ++w) { let s = 0; for (let k = 0; k < d; ++k) s += r.y[w * d + k]; most = Math.max(most, Math.abs(s) / Math.sqrt(d)); } return most; })()""")
    assert parts < 1e-4, "nothing is left along (1, …, 1)"
    page.close()


def charts_tell_crossings_and_moments(browser):
    page = open_page(browser, "lang=en&theme=light&data=incomes&norm=region&step=2")
    codes = page.evaluate("norma.codes()")
    click(page, codes.index("CN"))
    click(page, codes.index("IN"))
    assert page.locator("#ranks path").count() >= 1 and " 0 crossings" not in page.locator("#ranks").inner_text()
    press_choice(page, "norm.world")
    assert " 0 crossings" in page.locator("#ranks").inner_text(), "within one distribution no line crosses"
    rows = [r.split("\t") for r in page.locator("#shape-table").inner_text().splitlines() if "normal" in r]
    assert len(rows) == 2 and all(len(r) == 3 and r[1] == r[2] for r in rows), rows
    page.close()


def the_table_has_every_norm_and_leads_to_it(browser):
    page = open_page(browser, "lang=en&theme=light&data=features&norm=batch")
    text = page.locator("#table").inner_text()
    assert all(name in text for name in ("BatchNorm", "LayerNorm, sample", "GroupNorm", "InstanceNorm", "RMSNorm")), text
    page.locator("[data-key='row.rms']").focus()
    page.keyboard.press("Enter")
    settle(page)
    assert get(page, "state.norm") == "rms" and page.evaluate("document.activeElement.dataset.key") == "row.rms"
    page.close()


def the_table_counts_every_pair_of_many_elements(browser):
    page = open_page(browser, "lang=en&theme=light&data=images")
    page.evaluate("norma.load(Float32Array.from({length: 100352}, (_, i) => i * 7919 % 100352), [8, 8, 49, 32])")
    settle(page)
    within = page.locator("#table tbody tr td:nth-child(3)").all_inner_texts()
    assert len(within) == 6 and all(float(v) > 0.999 for v in within), within
    said = page.locator("[data-claim=across]").inner_text()
    counted, size = int(re.search(r"of ([\d,]+) pairs", said)[1].replace(",", "")), 100352 // 8
    # More than fit into 32 bits; those that tie after normalization are no ordered pairs.
    everyone = 100352 * 100351 // 2 - 8 * (size * (size - 1) // 2)
    assert everyone * 0.999 < counted <= everyone, (counted, everyone)
    page.evaluate("norma.load(new Float32Array(1 << 20).fill(1), [16, 16, 64, 64])")
    settle(page)
    assert "Left out above 1,000,000" in page.locator("#table").inner_text()
    page.close()


def claims_have_verdicts_and_show_themselves(browser):
    for lang in ("en", "zh"):
        page = open_page(browser, f"lang={lang}&theme=light&data=sentences&level=embedding&norm=sample")
        verdicts = dict(page.locator("#claims li").evaluate_all("(all) => all.map((e) => [e.dataset.claim, e.dataset.verdict])"))
        assert verdicts == {"within": "holds", "across": "holds", "normal": "fails", "weights": "fails", "direction": "fails", "sentence": "only", "mates": "holds", "eval": "only", "objective": "none"}, verdicts
        for claim in ("within", "across", "normal", "weights", "direction", "sentence", "mates", "eval"):
            press_choice(page, "data.sentences")  # where every sentence can be decided
            page.locator(f"[data-key='show.{claim}']").click()
            settle(page)
            assert page.locator("#error").is_hidden(), claim
        assert get(page, "state.data") == "images" and get(page, "state.norm") == "batch"
        page.locator("[data-key='show.across']").focus()
        page.keyboard.press("Enter")
        settle(page)
        assert page.evaluate("((r, s) => (r.x[s.a] - r.x[s.b]) * (r.y[s.a] - r.y[s.b]) < 0)(norma.result(), norma.state)"), "the order is seen to flip"
        page.close()
