#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a bill of materials of a build, SPDX 2.3 in JSON: what was compiled in, what is linked, what built it.

    sbom.py BUILD_DIR > norma.spdx.json

Nothing is listed by hand: headers come from ninja's dependency log, libraries from the programs' own dynamic sections, and both
are asked back to the Debian packages that they belong to. The same build gives the same bytes."""

import hashlib
import json
import os
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def output(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def packages_of(files):
    """The Debian packages that files belong to: {package: [file, ...]}."""
    found = {}
    files = {os.path.realpath(f) for f in files}
    # Where /lib is a link to /usr/lib, packages know their files by either name.
    files = sorted(files | {f.removeprefix("/usr") for f in files})
    for begin in range(0, len(files), 500):
        answer = subprocess.run(["dpkg-query", "-S", *files[begin : begin + 500]], capture_output=True, text=True, check=False)
        for line in answer.stdout.splitlines():
            if line.startswith("diversion") or ": " not in line:
                continue
            package, file = line.split(": ", 1)
            found.setdefault(package.split(",")[0].split(":")[0], []).append(file)
    return found


def compiled_headers(build):
    """Every header outside of the sources and the build that an object of the library or the command was made of."""
    headers, wanted = set(), False
    for line in output("ninja", "-C", str(build), "-t", "deps").splitlines():
        if not line.startswith(" "):
            wanted = bool(re.match(r"(src|io|report|cli)/.*\.o: ", line))
        elif wanted:
            path = (build / line.strip()).resolve()
            if not path.is_relative_to(ROOT):
                headers.add(str(path))
    return headers


def linked_libraries(program):
    return {match[1] for match in re.finditer(r"=> (/\S+)", output("ldd", str(program)))}


def dpkg(package, field):
    return output("dpkg-query", "-W", f"-f=${{{field}}}", package).splitlines()[0]


def licences(package):
    """The short names in the package's machine-readable copyright file, as they stand there."""
    path = Path(f"/usr/share/doc/{package}/copyright")
    text = path.read_text(errors="replace") if path.exists() else ""
    return sorted(set(re.findall(r"^License:[ \t]*(\S[^\n]*)", text, re.M)))


def identifier(name):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def debian(package):
    version, source = dpkg(package, "Version"), dpkg(package, "source:Package")
    names = licences(package)
    return {
        "SPDXID": identifier(f"Package-{package}"),
        "name": package,
        "versionInfo": version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "licenseComments": "debian/copyright names: " + ", ".join(names) if names else "debian/copyright is not machine-readable",
        "copyrightText": "NOASSERTION",
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{package}@{version}?arch={dpkg(package, 'Architecture')}&source={source}",
        }],
    }


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = Path(sys.argv[1]).resolve()
    version = re.search(r'NORMA_VERSION "(.*)"', (ROOT / "include/norma/version.hpp").read_text())[1]
    cache = dict(re.findall(r"^(\w+):\w+=(.*)$", (build / "CMakeCache.txt").read_text(), re.M))
    compiler = os.path.realpath(cache["CMAKE_CXX_COMPILER"])
    products = {"libnorma.so": build / "src" / f"libnorma.so.{version}", "libnorma.a": build / "src/libnorma.a", "norma": build / "cli/norma"}
    compiled = packages_of(compiled_headers(build))
    linked = packages_of(linked_libraries(products["libnorma.so"]) | linked_libraries(products["norma"]))
    tools = packages_of([compiler, os.path.realpath("/usr/bin/ninja"), os.path.realpath("/usr/bin/ld")])
    if not compiled or not linked:
        sys.exit("sbom: this build has no log of its dependencies; build it with ninja first")

    files, relationships = [], []
    for name, path in products.items():
        files.append({"SPDXID": identifier(f"File-{name}"), "fileName": f"./{name}", "licenseConcluded": "Apache-2.0",
                      "licenseInfoInFiles": ["Apache-2.0"], "copyrightText": "NOASSERTION",
                      "checksums": [{"algorithm": kind, "checksumValue": getattr(hashlib, kind.lower())(path.read_bytes()).hexdigest()}
                                    for kind in ("SHA1", "SHA256")]})
        relationships.append(("SPDXRef-Package-norma-itself", "GENERATES", identifier(f"File-{name}")))
    norma = {"SPDXID": "SPDXRef-Package-norma-itself", "name": "norma", "versionInfo": version, "downloadLocation": "NOASSERTION",
             "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION",
             "sourceInfo": "commit " + output("git", "-C", str(ROOT), "rev-parse", "HEAD").strip()}
    relationships.append(("SPDXRef-DOCUMENT", "DESCRIBES", norma["SPDXID"]))
    for package in compiled:
        relationships.append((identifier(f"Package-{package}"), "BUILD_DEPENDENCY_OF", norma["SPDXID"]))
    for package in linked:
        relationships.append((norma["SPDXID"], "DYNAMIC_LINK", identifier(f"Package-{package}")))
    for package in tools:
        relationships.append((identifier(f"Package-{package}"), "BUILD_TOOL_OF", norma["SPDXID"]))
    sums = "".join(file["checksums"][1]["checksumValue"] for file in files)
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or output("git", "-C", str(ROOT), "log", "-1", "--format=%ct"))
    document = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"norma-{version}",
        "documentNamespace": f"https://norma.invalid/spdx/norma-{version}-{hashlib.sha256(sums.encode()).hexdigest()[:16]}",
        "creationInfo": {"created": datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: cmake/sbom.py"]},
        "packages": [norma, *(debian(p) for p in sorted({*compiled, *linked, *tools}))],
        "files": files,
        "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b} for a, kind, b in sorted(relationships)],
    }
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
