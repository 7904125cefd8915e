#!/usr/bin/env bash
# Makes .gpu/bundle.tar.xz: the GPU tests and the program moba with the runtime they need, for a linux-x64 machine with an NVIDIA GPU
# and without the SDK. There: tar xJf bundle.tar.xz && out/MoBA.Gpu.Tests
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
rm -rf .gpu/out
mkdir -p .gpu
for project in patterns/moba.csproj tests/gpu/MoBA.Gpu.Tests/MoBA.Gpu.Tests.csproj; do
    dotnet publish "$project" -c Release -r linux-x64 --self-contained -o .gpu/out -m:1 --disable-build-servers
done

find .gpu/out \( -name '*.xml' -o -name '*.pdb' \) -delete
XZ_OPT=-9 tar cJf .gpu/bundle.tar.xz -C .gpu out
rm -rf .gpu/out
ls -lh .gpu/bundle.tar.xz
