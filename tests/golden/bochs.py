#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a static program on a processor that this machine may lack: an emulated Skylake-X, which has AVX-512, under Linux.

    bochs.py PROGRAM [ARGUMENT…]       what the program prints; a minute to boot, and some 50 million instructions a second

Debian's bochs, booting Debian's kernel with the program as its first process. The kernel is fetched and unpacked, not installed.
"""
import glob
import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "build/golden/bochs"
KERNEL = "linux-image-cloud-amd64"
PROGRAMS, FILES = ("bochs", "xorriso", "cpio", "script"), ("/usr/lib/ISOLINUX/isolinux.bin", "/usr/share/bochs/BIOS-bochs-latest")
# XSAVE in its standard layout: the kernel finds the compacted one of bochs 2.7 inconsistent, and then does without AVX.
# loglevel: the kernel's lines would break into the program's; its end alone is told. What the kernel does not know itself it
# gives the program as an argument.
COMMAND_LINE = "console=ttyS0 loglevel=1 rdinit=/golden mitigations=off noapic nosmp clearcpuid=xsavec,xsaves panic=0"
MACHINE = """cpu: model=corei7_skylake_x, count=1, ips=100000000
memory: guest=512, host=512
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
boot: cdrom
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=disk.iso, status=inserted
com1: enabled=1, mode=file, dev=serial.txt
log: log.txt
display_library: term
clock: sync=none
panic: action=fatal
error: action=ignore
info: action=ignore
"""


def available():
    """Why it cannot be, or ""."""
    missing = [p for p in PROGRAMS if not shutil.which(p)] + [f for f in FILES if not os.path.exists(f)]
    return f"{', '.join(missing)} missing; Debian's bochs, bochs-term, isolinux, syslinux-common, xorriso and cpio have it" if missing else ""


def kernel():
    found = glob.glob(str(OUT / "kernel/boot/vmlinuz-*"))
    if not found:
        depends = subprocess.run(["apt-cache", "depends", KERNEL], capture_output=True, text=True, check=True).stdout
        name = re.search(r"Depends: (linux-image-\S+)", depends)[1]
        subprocess.run(["apt-get", "-q", "download", name], cwd=OUT, check=True, capture_output=True)
        subprocess.run(["dpkg", "-x", glob.glob(str(OUT / f"{name}_*.deb"))[0], OUT / "kernel"], check=True)
        found = glob.glob(str(OUT / "kernel/boot/vmlinuz-*"))
    return Path(found[0])


def make_disk(program, arguments):
    disk = OUT / "disk"
    (disk / "isolinux").mkdir(parents=True, exist_ok=True)
    shutil.copy("/usr/lib/ISOLINUX/isolinux.bin", disk / "isolinux")
    shutil.copy("/usr/lib/syslinux/modules/bios/ldlinux.c32", disk / "isolinux")
    shutil.copy(kernel(), disk / "vmlinuz")
    shutil.copy(program, OUT / "golden")
    packed = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=b"golden\n", cwd=OUT, check=True, capture_output=True).stdout
    (disk / "initrd").write_bytes(gzip.compress(packed, 1))
    (disk / "isolinux/isolinux.cfg").write_text(
        f"DEFAULT golden\nLABEL golden\n KERNEL /vmlinuz\n APPEND initrd=/initrd {COMMAND_LINE} -- {' '.join(arguments)}\n")
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-o", OUT / "disk.iso", "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat",
                    "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", disk], check=True, capture_output=True)


def main():
    if reason := available():
        sys.exit(f"bochs: {reason}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the emulator ends, too
    OUT.mkdir(parents=True, exist_ok=True)
    make_disk(sys.argv[1], sys.argv[2:])
    (OUT / "machine").write_text(MACHINE)
    (OUT / "go").write_text("c\n")  # Debian's build begins in its debugger
    serial = OUT / "serial.txt"
    serial.write_bytes(b"")
    # The display needs a terminal; script is one.
    bochs = subprocess.Popen(["script", "-qec", "bochs -q -f machine -rc go", "/dev/null"], cwd=OUT, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"}, start_new_session=True)
    try:
        while bochs.poll() is None and b"end Kernel panic" not in serial.read_bytes()[-2000:]:
            time.sleep(1)
    finally:
        try:
            os.killpg(bochs.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    text = serial.read_text(errors="replace").replace("\r", "")
    ended = re.search(r"Attempted to kill init! exitcode=0x(\w+)", text)
    # The kernel's last words may follow on the program's line.
    print(re.sub(r"\[ *\d+\.\d+\] .*\n?", "", text).strip("\n"))
    if not ended or int(ended[1], 16) != 0:
        sys.exit(f"bochs: the program ended with {ended[1] if ended else 'the machine'}")


if __name__ == "__main__":
    main()
