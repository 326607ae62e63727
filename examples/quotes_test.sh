#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# quotes_test.sh SOURCE_DIR: every C or C++ block of README*.md and docs/ names the region of examples/ that it quotes,
# in a comment above it, and equals it but for indentation:
#
#     <!-- examples/first.cpp: first -->          of examples/first.cpp what stands between // [first] and // [/first]
#     ```cpp
set -euo pipefail
cd "$1"

region_of() {  # file, region: its lines, dedented by two
  awk -v name="$2" '
    ($1 == "//" || $1 == "/*") && $2 == "[/" name "]" { inside = 0 }
    inside { sub(/^  /, ""); print }
    ($1 == "//" || $1 == "/*") && $2 == "[" name "]" { inside = 1 }' "$1"
}

blocks=0 failed=0
complain() { echo "$1" >&2; failed=1; }

for page in README*.md docs/*.md docs/*/*.md; do
  comment="" block="" inside=0 at=0 line=0
  while IFS= read -r text || [ -n "$text" ]; do
    line=$((line + 1))
    if [ $inside = 1 ]; then
      if [ "$text" != '```' ]; then block+="$text"$'\n'; continue; fi
      inside=0 blocks=$((blocks + 1))
      file=${comment%%: *} name=${comment##*: }
      if [ -z "$comment" ]; then
        complain "$page:$at: no comment says which example this block quotes"
      elif [ ! -f "$file" ]; then
        complain "$page:$at: there is no $file"
      elif [ "$(region_of "$file" "$name")"$'\n' != "$block" ]; then
        complain "$page:$at: differs from [$name] in $file:"
        diff <(region_of "$file" "$name") <(printf '%s' "$block") >&2 || true
      fi
      comment="" block=""
      continue
    fi
    case $text in
      '<!-- examples/'*' -->') comment=${text#<!-- } comment=${comment% -->} ;;
      '```cpp' | '```c') inside=1 at=$line ;;
      '') ;;
      *) comment="" ;;
    esac
  done <"$page"
done

if [ "$blocks" -lt 5 ]; then complain "only $blocks blocks were found: is this the project's folder?"; fi
[ $failed = 0 ] && echo "$blocks blocks equal their examples"
exit $failed
