#!/usr/bin/env bash
# Unpacks NVIDIA's PTX assembler and cuobjdump from Debian's package of the CUDA toolkit; installs nothing and needs no rights.
# Usage: tests/gpu/get-ptxas.sh [FOLDER]     FOLDER/bin/ptxas; FOLDER is .gpu/ptxas of this repository if none is named
# The tests that assemble kernels look there, then for ptxas on PATH; MOBA_PTXAS names another.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=${1:-$root/.gpu/ptxas}
suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die() { echo "get-ptxas: $1" >&2; exit 1; }

# The mirror that apt is configured with, from either form of its list of sources.
mirror() {
    { cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
        awk '$1 == "URIs:" || $1 == "deb" { for (i = 2; i <= NF; i++) if (!uri && $i ~ /:\/\/.*\/debian\/?$/) uri = $i } END { print uri }'
}

command -v apt-get >/dev/null || die 'needs apt-get: elsewhere, install the CUDA toolkit and set MOBA_PTXAS'
[ -f "$keyring" ] || die "needs $keyring, of the package debian-archive-keyring"
uri=$(mirror)
[ -n "$uri" ] || die 'apt is configured with no Debian mirror'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
echo "deb [signed-by=$keyring] $uri $suite non-free" >"$work/sources.list"
apt() {
    apt-get -qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$work/lists" \
        -o "Dir::Cache=$work/cache" -o "APT::Sandbox::User=$(id -un)" "$@"
}
apt update
(cd "$work" && apt download nvidia-cuda-toolkit)

# The programs are the only files of these names that are not small wrappers.
mkdir -p "$work/unpacked" "$folder/bin"
dpkg-deb --fsys-tarfile "$work"/nvidia-cuda-toolkit_*.deb | tar x -C "$work/unpacked" --wildcards '*/ptxas' '*/cuobjdump' '*/nvdisasm'
for program in ptxas cuobjdump nvdisasm; do
    found=$(find "$work/unpacked" -name "$program" -type f -size +100k | head -n 1)
    [ -n "$found" ] || die "no $program in the package"
    cp "$found" "$folder/bin/$program"
done
"$folder/bin/ptxas" --version | tail -n 2
