# SPDX-License-Identifier: Apache-2.0
"""What the reader brings and takes away: own data, the address, files."""
import csv, io, json
from browser import click, download, get, npy, open_page, press_choice, settle


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


def groups_that_do_not_divide_are_not_offered(browser):
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    page.evaluate("norma.load(Float32Array.from({length: 64}, (_, i) => i * i % 17), [2, 8, 2, 2])")
    settle(page)
    press_choice(page, "norm.group")
    assert get(page, "state.groups") == 2 and get(page, "result().distributions") == 4
    assert page.locator("#knob-groups").get_attribute("max") == "3", "1, 2, 4 and 8 divide the 8 channels"
    hostile = open_page(browser, "lang=en&theme=light&data=features&norm=group&groups=5")
    assert get(hostile, "state.groups") == 3 and get(hostile, "result().distributions") == 12, "the next fewer that divide"
    hostile.close()
    page.close()


def names_of_own_data_are_never_taken_for_keys(browser):
    page = open_page(browser, "lang=zh&theme=light&data=own")
    press_choice(page, "data.own")
    page.locator("#own-text").fill("name,title,mean\ncount,1,2\nplay,3,5")
    page.locator("#own-go").click()
    settle(page)
    click(page, 0)
    assert "count · title" in page.locator("#point").inner_text(), page.locator("#point").inner_text()
    page.close()


def a_refusal_speaks_the_readers_language(browser):
    page = open_page(browser, "lang=zh&theme=light")
    press_choice(page, "data.own")
    page.locator("#own-text").fill("1,2\n3")
    page.locator("#own-go").click()
    settle(page)
    assert "每行个数要相同" in page.locator("#error").inner_text()
    page.close()


def the_address_holds_the_state(browser):
    page = open_page(browser, "lang=zh&theme=dark&data=images&norm=instance&a=5&b=2000&shift=1.5&out=3&contrast=-0.5&undo=true")
    settle(page)
    again = open_page(browser, page.url.split("#")[1])
    for key in ("lang", "theme", "data", "norm", "a", "b", "shift", "out", "contrast", "undo"):
        assert get(page, f"state.{key}") == get(again, f"state.{key}"), key
    page.close()
    again.close()
    page = open_page(browser, "lang=en&theme=light&data=images&norm=batch")
    click(page, 3)
    page.locator("#value").fill("-1.5")
    page.locator("#value").press("Enter")
    settle(page)
    again = open_page(browser, page.url.split("#")[1])
    assert again.evaluate("norma.input()[3]") == -1.5 and again.evaluate("norma.output()[3]") == page.evaluate("norma.output()[3]"), page.url
    with again.expect_navigation(wait_until="load"):
        again.evaluate("location.hash = '#lang=en&theme=light&data=sentences&norm=token'")
    again.wait_for_selector("html[data-ready]")
    settle(again)
    assert get(again, "state.data") == "sentences", "an address pasted over this one is followed"
    page.close()
    again.close()
    for state in ("data=%3Cscript%3E&norm=nonsense&a=1e300&stage=x", "lang=%3Cb%3E&theme=x&data=constructor&norm=toString&__proto__=1", "data=images&norm=axes9&eps=1e300&stage=-7&step=99&out=0.1.2.3.4",
                  "data=features&norm=group&groups=0&momentum=0&contrast=NaN&level=", "data=own&norm=axes3210&at=-5", "edits=1_2_3~x_1~4_1e999~99999999_1~-1_4~2_&data=images"):
        hostile = open_page(browser, state)
        assert hostile.locator("#made").inner_text() != "" and hostile.locator("#error").is_hidden(), state
        assert hostile.evaluate("Array.from(norma.output()).every(Number.isFinite)"), state
        hostile.close()


def pictures_and_numbers_can_be_saved(browser):
    page = open_page(browser, "lang=en&theme=dark&data=images&norm=batch&a=516&b=3588&out=3")
    for kind, begins in (("svg", b"<svg"), ("png", b"\x89PNG")):
        name, content = download(page, f"[data-export={kind}]")
        assert name == f"norma.{kind}" and content.startswith(begins) and len(content) > 5000
        name, content = download(page, f"[data-save='ranks.{kind}']")
        assert content.startswith(begins) and len(content) > 2000
    rows = list(csv.reader(io.StringIO(download(page, "[data-export=csv]")[1].decode())))
    assert rows[0] == ["N", "C", "H", "W", "distribution", "before", "after"] and len(rows) == 1 + 3 * 3072
    y = page.evaluate("Array.from(norma.output())")
    assert all(abs(float(r[6]) - y[k]) < 1e-6 for k, r in enumerate(rows[1:]))
    told = json.loads(download(page, "[data-export=json]")[1])
    page.wait_for_selector("#hash")
    assert told["sha256"] == page.locator("#hash").inner_text() and told["shape"] == [3, 3, 32, 32] and len(told["moments"]) == 3
    page.close()


def every_chart_can_be_saved(browser):
    page = open_page(browser, "lang=zh&theme=light&data=sentences&norm=sample")
    names = page.locator("[data-save$='.svg']").evaluate_all("(all) => all.map((e) => e.dataset.save.slice(0, -4))")
    assert sorted(names) == ["cosines-after", "cosines-before", "ones", "ranks", "shape", "turns"], names
    said = page.locator("[data-save='turns.svg']").get_attribute("aria-label")
    assert said.startswith("SVG: ") and any("\u4e00" <= c <= "\u9fff" for c in said), said
    for name in names:
        for kind, begins in (("svg", b"<svg"), ("png", b"\x89PNG")):
            try:
                file, content = download(page, f"[data-save='{name}.{kind}']")
            except Exception as error:
                raise AssertionError(f"{name}.{kind}: {str(error)[:60]}; saved until now: {page.evaluate('norma.saved()')}") from error
            assert file == f"norma-{name}.{kind}" and content.startswith(begins) and len(content) > 1500, (file, len(content))
    page.close()
    page = open_page(browser, "lang=en&theme=dark&data=images&norm=batch")
    page.locator("#run-next").click()
    settle(page)
    assert download(page, "[data-save='running.svg']")[1].startswith(b"<svg")
    page.close()


def every_element_of_a_tensor_stands_in_the_picture(browser):
    page = open_page(browser, "lang=en&theme=light&data=images")
    for shape in ([8, 64, 14, 14], [32, 256, 3, 3], [300, 100, 1, 1], [2, 3, 1, 500], [32, 128, 16], [400, 5, 3], [70000, 1], [3, 5000]):
        page.evaluate("(shape) => norma.load(Float32Array.from({length: shape.reduce((a, b) => a * b)}, (_, i) => i * i % 17), shape)", shape)
        settle(page)
        width, height = page.evaluate("[document.getElementById('before').clientWidth, document.getElementById('before').clientHeight]")
        assert height < 2600, (shape, height)
        size = page.evaluate("norma.input().length")
        for i in (0, size // 2, size - 1):
            r = get(page, f"rect({i})")
            assert r["x"] >= 0 and r["y"] >= 0 and r["x"] + r["w"] <= width + 1 and r["y"] + r["h"] <= height + 1 and min(r["w"], r["h"]) > 0, (shape, i, r, width, height)
            assert r["w"] < 1 or r["h"] < 1 or get(page, f"find({r['x'] + r['w'] / 2}, {r['y'] + r['h'] / 2})") == i, (shape, i)
    page.close()


def csv_fields_cannot_become_formulas(browser):
    page = open_page(browser, "lang=en&theme=light")
    press_choice(page, "data.own")
    page.locator("#own-text").fill("name;a;=HYPERLINK(1)\n=1+1;1;2\ntwo;3;5")
    page.locator("#own-go").click()
    settle(page)
    press_choice(page, "norm.token")
    rows = list(csv.reader(io.StringIO(download(page, "[data-export=csv]")[1].decode())))
    assert rows[1][2] == "'=1+1", rows[1]
    page.close()
