#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deb_test.sh FOLDER: installs the Debian packages in FOLDER in a system that debootstrap makes, uses them there, and removes
# them without a trace. As root. NORMA_MIRROR: where Debian is (by default http://deb.debian.org/debian).
set -euo pipefail
folder=$1 mirror=${NORMA_MIRROR:-http://deb.debian.org/debian}
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
say() { printf 'deb: %s\n' "$*"; }

scratch=$(mktemp -d)
root=$scratch/root
finish() {
  umount "$root/proc" 2>/dev/null || true
  rm -rf --one-file-system "$scratch"
}
trap finish EXIT
quietly() { "$@" >"$scratch/log" 2>&1 || { tail -n 40 "$scratch/log"; say "'$*' failed"; exit 1; }; }
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }

quietly debootstrap --variant=minbase "$suite" "$root" "$mirror"
mount -t proc proc "$root/proc"
[ ! -f /etc/resolv.conf ] || cp /etc/resolv.conf "$root/etc/resolv.conf"
say "a clean $suite of $(inside dpkg-query -W | wc -l) packages"
inside find / -xdev -not -path '/proc/*' -not -path '/var/*' -not -path '/tmp/*' | sort >"$scratch/before"

cp "$folder"/*.deb "$root/tmp/"
# What the packages say that they need, and nothing else.
quietly inside sh -c 'apt-get install -y --no-install-recommends /tmp/libnorma1_*.deb /tmp/norma_*.deb'
for package in norma libnorma1; do say "$package $(inside dpkg-query -W -f='${Version}, ${Installed-Size} KB, needs ${Depends}' $package)"; done
[ "$(inside norma --version)" = "norma $(inside dpkg-query -W -f='${Version}' norma)" ] || { say "norma --version says something else"; exit 1; }
inside norma tour --lang en >"$scratch/tour"
[ "$(wc -l <"$scratch/tour")" -gt 100 ] || { say "the tour is short"; exit 1; }
inside sh -c 'cd /tmp && norma apply /usr/share/norma/photos.npy --norm batch -o y.npy && norma explain y.npy --norm batch --json >y.json && test -s y.json'
inside sh -c 'cd /tmp && norma standardize /usr/share/norma/incomes-2015-gapminder.csv --value income --by region -o z.csv && test -s z.csv' 2>"$scratch/log" ||
  { cat "$scratch/log"; exit 1; }
status=0
inside norma apply /nowhere.npy --norm batch -o /tmp/y.npy 2>"$scratch/refusal" || status=$?
[ $status = 2 ] || { say "a refusal ended with $status"; exit 1; }
say "the command runs: tour, apply, explain, standardize; refuses with: $(cat "$scratch/refusal")"
for page in norma norma-apply; do
  [ -n "$(inside find /usr/share/man/man1 -name "$page.1*")" ] || { say "the page $page is missing"; exit 1; }
done

# Against the development package, in C by pkg-config.
quietly inside sh -c 'apt-get install -y --no-install-recommends /tmp/libnorma-dev_*.deb gcc libc6-dev pkg-config'
cp "$(dirname "$0")/../examples/c_example.c" "$root/tmp/"
inside sh -c 'cd /tmp && gcc -std=c11 c_example.c -o c_example $(pkg-config --cflags --libs norma) && ./c_example' >"$scratch/out"
say "c_example, built there: $(tr '\n' ' ' <"$scratch/out")"

quietly inside apt-get purge -y norma libnorma1 libnorma-dev
quietly inside apt-get autoremove -y --purge
quietly inside apt-get purge -y gcc libc6-dev pkg-config
quietly inside apt-get autoremove -y --purge
left=$(inside find / -xdev -not -path '/proc/*' -not -path '/var/*' -not -path '/tmp/*' | sort | comm -13 "$scratch/before" - | grep -i norma || true)
[ -z "$left" ] || { say "left behind after removal: $left"; exit 1; }
say "removed without a trace"
