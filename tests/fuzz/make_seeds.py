#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds in tests/fuzz/seeds: small valid files of every kind, and some that are refused. Deterministic; the seeds
are kept in the repository, and this says what they are. What a campaign found worth keeping lies beside them, under its hash."""

import binascii
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

SEEDS = Path(__file__).parent / "seeds"


def write(target, name, data):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def npy(descr, shape, data, fortran=False, version=1):
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''}), }}"
    prefix = 10 if version == 1 else 12
    text += " " * (-(prefix + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text.encode() + data


FLOATS = struct.pack("<6f", 1, 2, 3.5, -4, 1e30, float("nan"))
ARRAYS = {
    "f4": npy("<f4", (2, 3), FLOATS),
    "f4-fortran": npy("<f4", (3, 2), FLOATS, fortran=True),
    "f8-big": npy(">f8", (2,), struct.pack(">2d", 1, -2)),
    "f2": npy("<f2", (1, 2, 3, 1), bytes(range(12))),
    "bf16": npy("<V2", (4,), bytes(range(8))),
    "b1": npy("|b1", (3,), b"\0\1\1"),
    "u1": npy("|u1", (2, 2), b"\0\1\2\xff"),
    "i2-big": npy(">i2", (2,), b"\x7f\xff\x80\0"),
    "i8": npy("<i8", (1,), struct.pack("<q", 2**53)),
    "u8-version3": npy("<u8", (1,), struct.pack("<Q", 2**53), version=3),
    "scalar": npy("<f4", (), FLOATS[:4]),
    "empty": npy("<f4", (0, 3), b""),
    "object": npy("|O", (1,), b"\x80\4N."),
    "version2": npy("<f4", (6,), FLOATS, version=2),
}


def npz(members, method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, method)
    return out.getvalue()


def safetensors(tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, dtype, shape, payload in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(payload)]}
        data += payload
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def png(width, height, depth, colour, raw, extra=b"", interlace=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


# The smallest of JPEGs: 8 x 8 grey, one Huffman code a table, all of one grey. By the standard's section B.
JPEG = bytes.fromhex(
    "ffd8" "ffdb004300" + "01" * 64 + "ffc0000b080008000801011100" "ffc4001400" + "01" + "00" * 15 + "00"
    "ffc4001410" + "01" + "00" * 15 + "00" "ffda0008010100003f00" "3f" "ffd9"
)


def jpeg_of(sampling):
    """Three components with the given sampling factors, one minimum coded unit."""
    units = sum((s >> 4) * (s & 15) for s in sampling)
    components = b"".join(bytes([i + 1, s, 0]) for i, s in enumerate(sampling))
    widest, highest = 8 * max(s >> 4 for s in sampling), 8 * max(s & 15 for s in sampling)
    bits = -(-units * 2 // 8)
    return (
        bytes.fromhex("ffd8ffdb004300" + "01" * 64 + "ffc00011") + struct.pack(">BHHB", 8, highest, widest, 3) + components
        + bytes.fromhex("ffc4001400" + "01" + "00" * 15 + "00" + "ffc4001410" + "01" + "00" * 15 + "00")
        + bytes.fromhex("ffda000c03010002000300003f00") + b"\0" * bits + bytes.fromhex("ffd9")
    )


def main():
    for name, data in ARRAYS.items():
        write("npy", name, data)

    members = [(f"{name}.npy", data) for name, data in ARRAYS.items()]
    write("npz", "one", npz(members[:1], zipfile.ZIP_STORED))
    write("npz", "one-deflated", npz(members[:1], zipfile.ZIP_DEFLATED))
    write("npz", "three", npz(members[:3], zipfile.ZIP_STORED))
    write("npz", "mixed", npz(members[2:4] + [("notes.txt", b"no array")], zipfile.ZIP_DEFLATED))
    write("npz", "none", npz([], zipfile.ZIP_STORED))
    write("npz", "twice", npz([members[0], ("F4.npy", members[0][1])], zipfile.ZIP_STORED).replace(b"F4.npy", b"f4.npy"))

    write("safetensors", "two", safetensors([("a", "F32", [2, 3], FLOATS), ("b", "F16", [4], bytes(8))], {"format": "pt"}))
    for dtype, size in {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "BF16": 2, "U32": 4, "I32": 4, "F64": 8, "I64": 8, "U64": 8}.items():
        write("safetensors", dtype.lower(), safetensors([("x", dtype, [3], bytes(3 * size))]))
    write("safetensors", "escapes", safetensors([("\u00e9\n\"", "F32", [], FLOATS[:4])], {"k": "\U0001f600"}))
    write("safetensors", "empty", safetensors([("x", "F32", [0, 2], b"")]))
    write("safetensors", "hole", safetensors([("x", "F32", [1], FLOATS[:4])]) + b"    ")

    write("image", "grey", png(2, 2, 8, 0, b"\0\1\2" * 2))
    write("image", "grey1", png(9, 2, 1, 0, b"\0\x55\x80" * 2))
    write("image", "rgb", png(2, 2, 8, 2, (b"\1" + bytes(range(6))) * 2))
    write("image", "rgba16", png(2, 1, 16, 6, b"\4" + bytes(range(16))))
    palette = struct.pack(">I", 6) + b"PLTE" + bytes(range(6)) + struct.pack(">I", binascii.crc32(b"PLTE" + bytes(range(6))))
    write("image", "palette", png(4, 1, 2, 3, b"\0\x10", palette))
    write("image", "interlaced", png(3, 3, 8, 0, b"\0\1\0\2\0\3\4\0\5\6\7\0\x08\0\x09" + bytes(8), interlace=1))
    write("image", "grey.jpg", JPEG)
    for sampling in ((0x11, 0x11, 0x11), (0x22, 0x11, 0x11), (0x21, 0x11, 0x11), (0x41, 0x11, 0x21)):
        write("image", "rgb-" + "-".join(f"{s:02x}" for s in sampling) + ".jpg", jpeg_of(sampling))
    write("image", "progressive.jpg", JPEG.replace(b"\xff\xc0", b"\xff\xc2"))

    # The first byte is the delimiter.
    write("csv", "plain", ",name,x\nA,1\nB,2.5e-3\n")
    write("csv", "quoted", ',"a ""b""","c,d"\r\n"line\nbreak",-0\r\n')
    write("csv", "semicolon", ";a;b\r1;nan\r\r2;-inf\r")
    write("csv", "tab", "\ta\tb\n 1 \t1e308\n")
    write("csv", "bom", b",\xef\xbb\xbfa\n1\n")
    write("csv", "utf16", b",\xff\xfea\0\n\0")
    write("csv", "ragged", ",a,b\n1\n")
    write("csv", "open", ',a\n"1\n')

    columns = "column,count,mean,mean_low,m2,ddof,deviation\n"
    write("statistics", "none", columns + "income,3,2,0,2,0,0.816496580927726\n")
    write("statistics", "region", "region," + columns + "Asia,income,3,2,1e-20,2,1,1\n\"a,b\",income,1,5,0,0,1,0\n")
    write("statistics", "year", "region,year," + columns + "Asia,2014,income,3,2,0,2,0,0.8\nAsia,2015,other,3,2,0,2,0,0.8\n")
    write("statistics", "twice", "region," + columns + "Asia,income,3,2,0,2,1,1\nAsia,income,1,5,0,0,1,0\n")
    write("statistics", "negative", "region," + columns + "Asia,income,3,2,0,-2,1,1\n")

    affine = [("weight", "F32", [2], struct.pack("<2f", 1, 2)), ("bias", "F32", [2], struct.pack("<2f", 0, -1))]
    running = affine + [("running_mean", "F64", [2], struct.pack("<2d", 1, 2)), ("running_var", "F64", [2], struct.pack("<2d", 1, 4)),
                        ("num_batches_tracked", "I64", [], struct.pack("<q", 7))]
    write("layer_state", "affine", safetensors(affine))
    write("layer_state", "running", safetensors(running, {"format": "pt"}))
    write("layer_state", "half", safetensors([(n, "BF16" if d == "F32" else d, s, b"\x80\x3f" * 2 if d == "F32" else p) for n, d, s, p in running]))
    write("layer_state", "cumulative", safetensors(running + [("num_elements_tracked", "I64", [2], struct.pack("<2q", 8, 8))]))
    write("layer_state", "wrong-size", safetensors([("weight", "F32", [1], bytes(4)), affine[1]]))

    array = ARRAYS["f4"]
    image = png(2, 2, 8, 2, (b"\1" + bytes(range(6))) * 2)
    table = "region,income\nAsia,1\nAsia,3\nEurope,\n"

    def command(name, words, data):
        write("command", name, "\n".join(words).encode() + b"\n\n" + (data if isinstance(data, bytes) else data.encode()))

    command("apply", ["apply", "in", "--norm", "batch", "-o", "out.npy"], array)
    command("apply-layer", ["apply", "in", "--norm", "layer", "--axes", "-1", "--eps", "1e-3", "-o", "out.npz"], array)
    command("apply-group", ["apply", "in", "--norm", "group", "--groups", "3", "--layout", "NCHW", "-o", "out.safetensors"], image)
    command("apply-state", ["apply", "in", "--norm", "batch", "--state", "s.safetensors", "--momentum", "0.5", "-o", "out.npy"], array)
    command("apply-half", ["apply", "in", "--norm", "rms", "--dtype", "bf16", "--weight-plus-one", "--name", "x", "-o", "-"], array)
    command("apply-axes", ["apply", "in", "--axes", "0,1", "--lengths", "1,2", "-o", "out.npy"], array)
    command("apply-mask", ["apply", "in", "--norm", "sample", "--mask", "in", "--weight", "in", "--bias", "in", "-o", "out.npy"], array)
    command("apply-ghost", ["apply", "in", "--norm", "batch", "--ghost", "1", "-o", "out.npy"], array)
    command("explain", ["explain", "in", "--norm", "instance", "--json"], image)
    command("explain-zh", ["explain", "in", "--norm", "batch", "--lang", "zh", "--top", "2", "--all"], array)
    command("explain-html", ["explain", "in", "--norm", "layer", "--html", "p.html", "--svg", "p.svg"], array)
    command("standardize", ["standardize", "in", "--value", "income", "--by", "region", "--save", "s.csv", "-o", "z.csv"], table)
    command("standardize-stats", ["standardize", "in", "--value", "income", "--stats", "in", "--inverse"], table)
    command("standardize-ddof", ["standardize", "in", "--value", "income", "--ddof", "1", "--missing", "NA"], table)
    ones = struct.pack("<2f", 1, 1)
    pair = [("fc.weight", "F32", [2, 3], FLOATS[:20] + FLOATS[:4]), *((f"bn.{n}", "F32", [2], ones) for n in ("weight", "bias", "running_mean", "running_var"))]
    command("fold", ["fold", "in", "--pair", "fc=bn", "--eps", "bn=1e-3", "-o", "out.safetensors"], safetensors(pair))
    command("fold-transposed", ["fold", "in", "--transposed", "fc", "--json", "-o", "out.safetensors"],
            safetensors([("fc.weight", "F16", [2, 2, 1], bytes(8)), *pair[1:], ("bn.num_batches_tracked", "I64", [], bytes(8))]))
    command("info", ["info", "--json"], "")
    command("help", ["apply", "--help"], "")
    command("version", ["--version"], "")
    command("tour", ["tour", "incomes", "--lang", "en"], "")

    # Each pair of bytes is a decision; see Random in random_case.hpp.
    for i in range(16):
        decisions = bytes((i * 37 + j * (2 * i + 1) * 73) % 256 for j in range(24 + 8 * i))
        write("planner", f"walk-{i:02}", decisions)
        write("geometry", f"walk-{i:02}", decisions)
    # Of equal shapes in C order: shared memory, x (f32, rank 2), y and dy like x, then the grouping.
    for grouping in range(8):
        write("geometry", f"rank2-{grouping}", bytes([0, 0x20, 0, 3, 4, 0, 1, 8 + 3, 0, 1, 8 + 3, 0, 1, grouping, 1, 1, 2, 0, 0, 0]))


if __name__ == "__main__":
    main()
