#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the explorer: the core as WebAssembly, and one page that holds everything and opens from disk.

    web/build.py OUT        OUT/core.wasm, OUT/norma.html

Needs the packages that ./run lists for "web". Objects stay in OUT and are made again only where a source is newer.
"""
import base64, csv, gzip, json, os, re, struct, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ["columns", "comparability", "grouping", "layers", "normalize", "plan", "rows", "simd/dispatch", "staging", "view"]
# Highway 1.0.3 has no doubles for WebAssembly, so its portable code is compiled, and the compiler makes the vectors. The sums'
# order is fixed by the code, and so are the bits.
FLAGS = ("--target=wasm32-wasi -std=c++20 -O2 -msimd128 -ffp-contract=off -fno-rtti -fexceptions -fignore-exceptions "
         "-fvisibility=hidden -DHWY_COMPILE_ONLY_SCALAR").split()
MODULES = ["strings/page", "strings/story", "strings/names", "strings/strings", "model/core", "model/state", "model/norms", "model/data", "model/files",
           "model/compute", "model/compare", "model/claims", "model/export", "model/guide", "draw/svg", "draw/palette", "draw/layout", "draw/block",
           "draw/glyph", "draw/ruler", "draw/charts", "draw/vectors", "rooms/app", "rooms/element", "rooms/stage", "rooms/choices", "rooms/knobs",
           "rooms/running", "rooms/below", "rooms/words", "rooms/path", "rooms/save", "rooms/main"]  # a module imports those to its left


def compile_core(out: Path) -> Path:
    compiler = next((c for c in ("clang++-19", "clang++") if subprocess.run(["which", c], capture_output=True).returncode == 0), None)
    if not compiler:
        sys.exit("web/build.py: clang++-19 is missing; ./run explore installs it")
    out.mkdir(parents=True, exist_ok=True)
    include = out / "include"  # Highway's headers alone: the rest of /usr/include is another machine's
    include.mkdir(exist_ok=True)
    if not (include / "hwy").exists():
        (include / "hwy").symlink_to("/usr/include/hwy")
    headers = [*ROOT.glob("include/norma/*"), *ROOT.glob("src/**/*.hpp")]
    flags = out / "flags"  # other flags, other objects; the rest of this script changes none
    if not flags.exists() or flags.read_text() != " ".join(FLAGS):
        flags.write_text(" ".join(FLAGS))
    newest = max(p.stat().st_mtime for p in [*headers, flags])

    def one(source: Path) -> Path:
        target = out / (source.stem + ".o")
        if not target.exists() or target.stat().st_mtime < max(newest, source.stat().st_mtime):
            subprocess.run([compiler, *FLAGS, f"-I{ROOT}/include", f"-I{ROOT}/src", f"-I{include}", "-c", source, "-o", target], check=True)
        return target

    with ThreadPoolExecutor(int(os.environ.get("NORMA_JOBS", "2"))) as pool:
        objects = list(pool.map(one, [ROOT / "src/simd/dispatch.cpp", ROOT / "web/core.cpp", ROOT / "web/highway.cpp",
                                      *(ROOT / f"src/{s}.cpp" for s in SOURCES if s != "simd/dispatch")]))
    wasm = out / "core.wasm"
    exported = re.findall(r"^EXPORT .*?(norma_web_\w+)\(", (ROOT / "web/core.cpp").read_text(), flags=re.M)
    subprocess.run([compiler, "--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-Wl,--strip-all", "-Wl,--gc-sections",
                    "-Wl,--export=__stack_pointer", *(f"-Wl,--export={name}" for name in exported),
                    "-Wl,-z,stack-size=262144", *objects, "-o", wasm], check=True)
    return wasm


def safetensors(path: Path, names: list[str]) -> dict:
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header, body = json.loads(raw[8:8 + size]), raw[8 + size:]
    return {n: {"shape": header[n]["shape"], "f32": base64.b64encode(body[slice(*header[n]["data_offsets"])]).decode()} for n in names}


def samples() -> dict:
    """What the page shows before anybody brings data of their own."""
    data = ROOT / "data"
    with open(data / "world-2014-worldbank.csv", newline="") as f:
        incomes = [[r["country"], r["region_un"], r["subregion"], float(r["gdp_per_person"]), r["iso"]] for r in csv.DictReader(f)]
    photos = (data / "photos.npy").read_bytes()
    pixels = photos[10 + struct.unpack("<H", photos[8:10])[0]:]
    text = json.loads((data / "sentences.json").read_text())["sentences"]
    return {
        "incomes": incomes,
        "photos": {"names": ["chelsea", "coffee", "rocket", "astronaut"], "u8": base64.b64encode(pixels).decode()},
        "sentences": {"tokens": [s["tokens"] for s in text], "english": [s["english"] for s in text], "at": [s["word_at"] for s in text],
                      "levels": safetensors(data / "sentences.safetensors", ["sentence0.layer2", "sentence1.layer2", "sentence0.embedding", "sentence1.embedding"])},
    }


def page(wasm: Path, out: Path) -> Path:
    """One file: the modules one after another, without their imports and exports."""
    scripts, names = [], {}
    if unlisted := {p.relative_to(ROOT / "web").with_suffix("").as_posix() for p in (ROOT / "web").glob("*/*.js")} ^ set(MODULES):
        sys.exit(f"web/build.py: MODULES and the folders differ in {', '.join(sorted(unlisted))}")
    for number, module in enumerate(MODULES):
        source = (ROOT / f"web/{module}.js").read_text()
        for wanted in re.findall(r"^import [^;]*from '([^']*)';", source, flags=re.M):
            if os.path.normpath(Path(module).parent / wanted).removesuffix(".js") not in MODULES[:number]:
                sys.exit(f"web/build.py: {module}.js imports {wanted}, which does not stand to its left")
        source = re.sub(r"^import [^;]*;\n", "", source, flags=re.M)
        source = re.sub(r"^export (?=const|let|function|async|class)", "", source, flags=re.M)
        for name in re.findall(r"^(?:const|let|function|async function|class) (\w+)", source, flags=re.M):
            if name in names:
                sys.exit(f"web/build.py: {module}.js and {names[name]}.js both name {name}; one page has room for one")
            names[name] = module
        # Whole lines of comment and indentation stay in the sources: the page shall load fast.
        scripts.append(re.sub(r"^[ \t]*(?://.*\n)?", "", source, flags=re.M))
    embedded = (f"const WASM = '{base64.b64encode(gzip.compress(wasm.read_bytes(), mtime=0)).decode()}';\n"
                f"const SAMPLES = {json.dumps(samples(), ensure_ascii=False, separators=(',', ':'))};\n")
    html = (ROOT / "web/index.html").read_text()
    html = html.replace("/*STYLE*/", (ROOT / "web/style.css").read_text())
    # What is big stands last, so that the page is painted before it is read.
    script = "\n".join(scripts).replace("</script", "<\\/script")
    html = html.replace("/*SCRIPT*/", embedded.replace("</", "<\\/") + script)
    target = out / "norma.html"
    target.write_text(html)
    (out / "page").mkdir(exist_ok=True)  # what ./run explore serves: this and nothing else
    (out / "page/norma.html").write_text(html)
    total, extra = target.stat().st_size, len(json.dumps(samples(), ensure_ascii=False, separators=(",", ":")).encode())
    print(f"web: {target}, {total / 1000:.0f} KB, {(total - extra) / 1000:.0f} KB without the sample data, core {wasm.stat().st_size / 1000:.0f} KB")
    return target


if __name__ == "__main__":
    out = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/web").resolve()
    page(compile_core(out), out)
