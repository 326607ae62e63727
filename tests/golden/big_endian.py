#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads and writes files on a big-endian machine: builds the tests of io/ for s390x and runs them under qemu. ./run bigendian
calls it.

    big_endian.py [GTEST_OPTION...]

The libraries are Debian's of that machine, fetched and unpacked into build/bigendian, not installed.
"""
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "build/bigendian"
MACHINE = "s390x"
LIBRARIES = ["libzip-dev", "zlib1g-dev", "libcsv-dev", "libfmt-dev", "libgtest-dev", "nlohmann-json3-dev", "libstb-dev"]
COMPILERS = ("libc6", "libc-", "linux-libc", "libstdc++", "libgcc", "gcc-", "libcrypt")  # what the cross compiler has of its own
PROGRAMS = ["io_test", "layer_state_test"]
LEFT_OUT = "-OutputFile.AKillInTheMiddle*"  # qemu 7.2 does not deliver a signal that its own handler raises again
CMAKE, JOBS = os.environ.get("CMAKE", "cmake"), os.environ.get("NORMA_JOBS", "2")


def said(*command, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        sys.exit("big_endian: `" + " ".join(map(str, command))[:200] + f"` ended with {done.returncode}:\n" + done.stdout[-3000:])
    return done.stdout


def unpack(folder):
    """The libraries of the other machine, by an apt of its own that knows nothing of this one."""
    apt = OUT / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    (apt / "status").write_text("")
    options = [word for key, value in {"Dir::State::lists": apt / "lists", "Dir::State::status": apt / "status", "Dir::Cache": apt / "cache",
                                       "APT::Architecture": MACHINE, "APT::Architectures": MACHINE}.items() for word in ("-o", f"{key}={value}")]
    said("apt-get", *options, "-q", "update")
    said("apt-get", *options, "-qy", "--no-install-recommends", "--download-only", "install", *LIBRARIES)
    for package in sorted((apt / "cache/archives").glob("*.deb")):
        if not package.name.startswith(COMPILERS):
            said("dpkg", "-x", package, folder)


def main():
    system = OUT / "system"
    if not (system / "usr/include/zip.h").exists():
        unpack(system)
    libraries = [system / f"usr/lib/{MACHINE}-linux-gnu", system / f"lib/{MACHINE}-linux-gnu"]
    only = [f"-DCMAKE_FIND_ROOT_PATH_MODE_{kind}=ONLY" for kind in ("LIBRARY", "INCLUDE", "PACKAGE")]
    links = " ".join(f"-Wl,-rpath-link,{folder}" for folder in libraries)
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": str(libraries[0] / "pkgconfig"), "PKG_CONFIG_SYSROOT_DIR": str(system)}
    said(CMAKE, "-S", ROOT, "-B", OUT / "build", "-G", "Ninja", "-DCMAKE_MAKE_PROGRAM=/usr/bin/ninja", "-DCMAKE_SYSTEM_NAME=Linux",
         f"-DCMAKE_SYSTEM_PROCESSOR={MACHINE}", f"-DCMAKE_CXX_COMPILER={MACHINE}-linux-gnu-g++", f"-DCMAKE_C_COMPILER={MACHINE}-linux-gnu-gcc",
         f"-DCMAKE_FIND_ROOT_PATH={system}", *only, "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-O1 -DHWY_COMPILE_ONLY_SCALAR",
         f"-DCMAKE_EXE_LINKER_FLAGS={links}", f"-Dhwy_DIR={HERE}/highway", "-DNORMA_BUILD_CLI=OFF", "-DNORMA_INSTALL=OFF", env=environment)
    said(CMAKE, "--build", OUT / "build", "-j", JOBS, "--target", *PROGRAMS)
    path = ":".join(map(str, [*libraries, f"/usr/{MACHINE}-linux-gnu/lib"]))
    status = 0
    for program in PROGRAMS:
        command = [f"qemu-{MACHINE}", "-L", f"/usr/{MACHINE}-linux-gnu", "-E", f"LD_LIBRARY_PATH={path}", OUT / "build/tests" / program]
        print(f"big_endian: {program} without {LEFT_OUT[1:]}", flush=True)
        status |= subprocess.run([str(word) for word in [*command, "--gtest_brief=1", f"--gtest_filter={LEFT_OUT}", *sys.argv[1:]]], check=False).returncode
    sys.exit(status)


if __name__ == "__main__":
    main()
