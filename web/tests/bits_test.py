# SPDX-License-Identifier: Apache-2.0
"""The page's bits beside the native library's."""
import hashlib, shlex, subprocess, tempfile
from pathlib import Path
from browser import get, npy, open_page, settle, slide, NORMA


def the_bits_are_the_native_librarys(browser):
    cases = [(f"data=images&norm={norm}", ["--norm", native], {}) for norm, native in
             (("batch", "batch"), ("sample", "sample"), ("instance", "instance"), ("rms", "rms"))]
    cases += [("data=features&norm=group&groups=2", ["--norm", "group", "--groups", "2"], {}), ("data=images&norm=position", ["--axes", "1"], {}),
              ("data=images&norm=batch&eps=-2.5&shift=1.35&out=3", ["--norm", "batch"], {"eps": 10 ** -2.5})]
    cases += [(f"data=sentences&norm={norm}&level={level}", ["--norm", native, "--layout", "NLD", "--lengths", "9,10"], {}) for level in ("layer2", "embedding")
              for norm, native in (("sample", "sample"), ("token", "layer"), ("rms", "rms"))]
    with tempfile.TemporaryDirectory() as folder:
        for state, options, more in cases:
            page = open_page(browser, f"lang=en&theme=light&{state}")
            page.wait_for_selector("#hash")
            x, shape, shown = page.evaluate("Array.from(norma.result().batch.x)"), get(page, "shape()"), page.locator("#hash").inner_text()
            eps = page.evaluate("norma.result().options.eps")
            source, target = Path(folder, "x.npy"), Path(folder, "y.npy")
            source.write_bytes(npy(shape, x))
            subprocess.run([NORMA, "apply", source, "-o", target, *options, "--eps", repr(eps)], check=True, capture_output=True)
            native = hashlib.sha256(target.read_bytes()[-4 * len(x):]).hexdigest()
            assert native == shown, (state, native, shown)
            page.close()
    print(f"  {len(cases)} outputs, equal to the last bit")


def the_copied_command_makes_the_same_bits(browser):
    states = ["data=images&norm=batch&out=3&weight=1.5&bias=-0.5", "data=features&norm=group&groups=3&vary=true", "data=sentences&norm=token", "data=sentences&norm=sample&pads=true&vary=true",
              "data=sentences&norm=batch", "data=sentences&norm=instance&weight=2", "data=images&norm=axes23", "data=images&norm=axes02&eps=2", "eval"]
    for state in states:
        page = open_page(browser, "lang=en&theme=light&" + ("data=images&norm=batch&weight=2" if state == "eval" else state), permissions=["clipboard-read", "clipboard-write"])
        if state == "eval":
            page.locator("#run-next").click()
            settle(page)
            page.locator("#run-eval").click()
            settle(page)
        page.wait_for_selector("#hash")
        page.wait_for_timeout(150)
        page.locator("#copy").click()
        page.get_by_text("Copied.").wait_for()
        command, shown, files = page.evaluate("navigator.clipboard.readText()"), page.locator("#hash").inner_text(), []
        page.on("download", lambda file: files.append(file))
        page.locator("[data-export=files]").click()
        wanted = 1 + 2 * ("--weight" in command) + ("--state" in command)
        for _ in range(100):
            if len(files) == wanted:
                break
            page.wait_for_timeout(100)
        with tempfile.TemporaryDirectory() as folder:
            for file in files:
                file.save_as(Path(folder, file.suggested_filename))
            done = subprocess.run([NORMA, *shlex.split(command)[1:]], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, (state, command, done.stderr)
            size = page.evaluate("norma.result().batch.y.length")
            native = hashlib.sha256(Path(folder, "y.npy").read_bytes()[-4 * size:]).hexdigest()
            assert native == shown, (state, command)
        page.close()
    print(f"  {len(states)} copied commands, equal to the last bit")


def the_command_for_a_table_gives_the_scores(browser):
    page = open_page(browser, "lang=en&theme=light&data=incomes&norm=region")
    command, scores = page.locator("#command").inner_text(), page.evaluate("Array.from(norma.output())")
    with page.expect_download() as file:
        page.locator("[data-export=files]").click()
    with tempfile.TemporaryDirectory() as folder:
        file.value.save_as(Path(folder, "norma.csv"))
        subprocess.run([NORMA, *shlex.split(command)[1:]], cwd=folder, check=True, capture_output=True)
        header, *rows = [line.split(",") for line in Path(folder, "scores.csv").read_text().splitlines()]
        at = header.index("before")
        assert len(rows) == len(scores) and all(abs(float(r[-1 - (len(header) - 1 - at)]) - y) < 1e-5 for r, y in zip(rows, scores)), (header, rows[0])
    page.close()
