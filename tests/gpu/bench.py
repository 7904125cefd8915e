#!/usr/bin/env python3
"""Times moba beside PyTorch's attention on one NVIDIA GPU, on the same inputs, and prints Markdown tables.

    python3 bench.py path/to/moba [--quick] [--only SUBSTRING] [--json FILE]

Needs torch with CUDA and safetensors. Inputs are drawn once a workload and handed to moba as a file; its output comes back as one and is
compared with a peer's, so that equal work is proven. Every measurement starts after 1.5 s of rest, for a GPU under full load lowers
its clock; it is the median of 3 to 20 calls by CUDA events. Rates are useful TFLOP/s by moba's exact count of pairs, for all
alike. A peer that fails is n/a with the reason below the table. Block-gated experts have a table of their own: --only gated.
"""

import argparse
import json
import math
import os
import time
from dataclasses import dataclass, field

import torch
from safetensors.torch import load_file, save_file
from torch.nn.attention import SDPBackend, sdpa_kernel

import bench_gated
from bench_common import Skipped, folder_for, moba_report, number, reason, run_moba, say, timed

BATCH, HEADS = 2, 16
WINDOW, SINKS, CAP = 1024, 64, 50.0


@dataclass
class Workload:
    """One row of the table: a pattern of moba's, and which peers do the same."""

    name: str
    pattern: str
    tokens: int
    dim: int = 128
    settings: list = field(default_factory=list)
    peers: tuple = ()  # of flash, cudnn, flex
    env: dict = field(default_factory=dict)
    quick: bool = False


# FlexAttention compiles for every shape anew, 3 to 32 s each, and has its turn where its kernels differ.
WORKLOADS = [
    Workload("Causal", "Causal", 8192, peers=("flash", "cudnn", "flex"), quick=True),
    Workload("SinkWindow 1024+64", "SinkWindow", 32768, settings=["Window=1024", "Sinks=64"], peers=("flex",), quick=True),
    Workload("AlibiCausal", "AlibiCausal", 32768, peers=("flex",)),
    Workload("SoftCap 50", "SoftCap", 32768, settings=["Cap=50"], peers=("flex",)),
    Workload("Causal", "Causal", 32768, peers=("flash", "cudnn", "flex")),
    Workload("Causal", "Causal", 4096, peers=("flash", "cudnn")),
    Workload("Causal", "Causal", 8192, dim=64, peers=("flash", "cudnn"), quick=True),
    Workload("Causal", "Causal", 8192, dim=256, peers=("flash", "cudnn")),
    Workload("Dense (BlockCausal, one block)", "BlockCausal", 8192, settings=["Block=8192"], peers=("flash", "cudnn")),
    Workload("Causal, kernels for sm_80", "Causal", 8192, peers=("flash",), env={"MOBA_CUDA_KERNELS": "sm80"}),
    Workload("SinkWindow 1024+64", "SinkWindow", 65536, settings=["Window=1024", "Sinks=64"], peers=("flex",)),
]


def matmul_rate(n=8192):
    """TFLOP/s of a bf16 product of two square matrices, by the median."""
    a, b = (torch.randn(n, n, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty(n, n, device="cuda", dtype=torch.bfloat16)
    median, _ = timed(lambda: torch.matmul(a, b, out=out))
    return 2 * n**3 / median / 1e9


# Peers. Each returns a call that gives [batch, heads, tokens, dim].


def sdpa(backend, w, q, k, v):
    causal = w.pattern != "BlockCausal"

    def call():
        with sdpa_kernel(backend):
            return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

    return call


def flex(w, q, k, v):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    def causal(b, h, i, j):
        return i >= j

    def window(b, h, i, j):
        return (i >= j) & ((i - j < WINDOW) | (j < SINKS))

    def alibi(score, b, h, i, j):
        return score + torch.exp2(-8.0 * (h + 1) / HEADS) * (j - i)

    def softcap(score, b, h, i, j):
        return CAP * torch.tanh(score / CAP)

    mask = window if w.pattern == "SinkWindow" else causal
    blocks = create_block_mask(mask, None, None, w.tokens, w.tokens, device="cuda", BLOCK_SIZE=128)
    torch.cuda.empty_cache()  # the mask itself was there for a moment
    score = {"AlibiCausal": alibi, "SoftCap": softcap}.get(w.pattern)
    compiled = torch.compile(flex_attention, dynamic=False)
    return lambda: compiled(q, k, v, score_mod=score, block_mask=blocks)


def peer(kind, w, q, k, v):
    if kind == "flex":
        return flex(w, q, k, v)
    return sdpa(SDPBackend.FLASH_ATTENTION if kind == "flash" else SDPBackend.CUDNN_ATTENTION, w, q, k, v)


def difference(ours, theirs):
    """Largest and mean absolute difference of [tokens, heads, dim] from [batch, heads, tokens, dim]; a sequence at a time."""
    ours = ours.reshape(BATCH, -1, *ours.shape[1:])
    worst, total = 0.0, 0.0
    for mine, other in zip(ours, theirs):
        gap = (mine.float() - other.transpose(0, 1).float()).abs()
        if not bool(torch.isfinite(gap).all()):
            return math.nan, math.nan
        worst, total = max(worst, gap.max().item()), total + gap.sum(dtype=torch.float64).item()
    return worst, total / ours.numel()


def run(w, moba, peak, deadline):
    """Times one workload, ours and then each peer's."""
    torch.manual_seed(w.tokens + w.dim)
    shape = (BATCH * w.tokens, HEADS, w.dim)
    packed = {name: torch.randn(shape, device="cuda").to(torch.bfloat16) for name in "qkv"}
    row = {"name": w.name, "tokens": w.tokens, "dim": w.dim, "peers": {}, "notes": []}
    ours = None
    with folder_for(4 * 2 * math.prod(shape)) as folder:
        source, output, report = (os.path.join(folder, name) for name in ("in.safetensors", "out.safetensors", "report.json"))
        offsets = torch.arange(BATCH + 1, dtype=torch.int32) * w.tokens
        save_file({**{name: tensor.cpu() for name, tensor in packed.items()}, "cu_seqlens": offsets}, source)
        try:
            run_moba(moba, ["bench", w.pattern, "--target", "cuda", "--no-dense", "--input", source, "--output", output, "--json", report,
                            "--peak", f"{peak:.1f}", *(x for s in w.settings for x in ("--set", s))], w.env)
            row["ours"] = json.load(open(report, encoding="utf-8"))["rows"][0]
            ours = load_file(output, device="cuda")["o"]
        except Exception as error:  # the peers are still worth their time
            row["notes"].append(f"moba: {reason(error)}")

    q, k, v = (packed.pop(name).reshape(BATCH, w.tokens, HEADS, w.dim).transpose(1, 2).contiguous() for name in "qkv")
    for kind in w.peers:
        try:
            if kind == "flex" and time.monotonic() > deadline:
                raise Skipped("no time left to compile it; give more --seconds")
            call = peer(kind, w, q, k, v)
            result = call()
            torch.cuda.synchronize()
            if ours is not None:
                row.setdefault("difference", {})[kind] = difference(ours, result)
            del result
            row["peers"][kind] = timed(call)
        except Exception as error:
            row["notes"].append(f"{kind}: {reason(error)}")
    torch.compiler.reset()
    del q, k, v, ours
    torch.cuda.empty_cache()
    return row


# Tables


def main_table(rows, peak):
    lines = [
        "| pattern | tokens | dim | MoBA ms | MoBA TFLOP/s | of matmul | flash ms | cuDNN ms | FlexAttention ms | faster than flash | than cuDNN | than FlexAttention | largest difference | mean difference | from |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    names = {"flash": "flash", "cudnn": "cuDNN", "flex": "FlexAttention"}
    for row in rows:
        ours = row.get("ours")
        ms = ours and ours["median"]
        peers = [row["peers"].get(kind, (None,))[0] for kind in names]
        gaps = row.get("difference", {})
        kind = next((kind for kind in ("flex", "cudnn", "flash") if kind in gaps), None)
        largest, mean = gaps.get(kind, (None, None))
        cells = [
            row["name"], str(row["tokens"]), str(row["dim"]), number(ms, "{:.3f}"), number(ours and ours["tflops"], "{:.0f}"),
            number(ours and ours["tflops"] / peak), *(number(p, "{:.3f}") for p in peers),
            *(number(p / ms if p and ms else None, "{:.2f}x") for p in peers), number(largest, "{:.1e}"), number(mean, "{:.1e}"), names.get(kind, ""),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def host_table(rows):
    lines = [
        "| pattern | tokens | dim | density | partial tiles | TFLOP/s under lasting load | MB on the device | host us a call | first call ms | with compiled kernels ms |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        tflops = row["useful_flop"] / row["sustained"] / 1e9 if row.get("sustained") else None
        cells = [
            f"{row['pattern']} {row['settings']}".strip(), str(row["at"][0]), str(row["at"][1]), f"{100 * row['density']:.2f} %", f"{100 * row['partial_share']:.1f} %", number(tflops, "{:.0f}"),
            f"{row['device_bytes'] / 1e6:.1f}", f"{row['host_microseconds']:.1f}", number(row.get("first_call"), "{:.0f}"), number(row.get("first_call_cached"), "{:.0f}"),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def gallery_table(rows):
    dense = next(row for row in rows if row["pattern"] == "Causal")
    lines = [
        "| pattern | density | partial tiles | ms | useful TFLOP/s | of dense | speed-up |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['pattern']} {row['settings']}".rstrip() + f" | {100 * row['density']:.2f} % | {100 * row['partial_share']:.1f} % | {row['median']:.3f} "
            f"| {row['tflops']:.0f} | {row['tflops'] / dense['tflops']:.2f} | {dense['median'] / row['median']:.1f}x |")
    return lines


def own_tables(moba, quick, notes, end):
    """What has no peer: lasting load, host time and first calls; then every pattern at 32,768 tokens."""
    shape = ["--batch", str(BATCH), "--heads", str(HEADS), "--dim", "128"]
    lines, data = [], {}
    try:
        rows = []
        for pattern, tokens, settings in [("Causal", 8192, []), ("SinkWindow", 32768, ["--set", f"Window={WINDOW}", "--set", f"Sinks={SINKS}"])][: 1 if quick else 2]:
            report = moba_report(moba, ["bench", pattern, "--target", "cuda", "--no-dense", "--sustained", "--first", "--tokens", str(tokens), *shape, *settings], 60)
            data["engine"] = report["engine"]
            rows.append({**report["rows"][0], "at": (tokens, 128)})
        lines += [f"Lasting load, host time and first calls ({data['engine']}):", "", *host_table(rows), ""]
        data["host"] = rows
    except Exception as error:
        notes.append(f"lasting load: {reason(error)}")
    if not quick:
        try:
            data["gallery"] = moba_report(moba, ["bench", "--all", "--target", "cuda", "--tokens", "32768", *shape], max(10, end - time.monotonic()))["rows"]
            lines += ["Every pattern that routes nothing, 32,768 tokens, dim 128, parameters that suit the length:", "", *gallery_table(data["gallery"]), ""]
        except Exception as error:
            notes.append(f"every pattern: {reason(error)}")
    return lines, data


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("moba", help="the program")
    parser.add_argument("--quick", action="store_true", help="a few workloads, in about a minute")
    parser.add_argument("--only", default="", help="workloads whose 'name tokens dim' holds this, and nothing else; 'gated' is the block-gated table")
    parser.add_argument("--seconds", type=float, default=235, help="time in all: FlexAttention is compiled in the first half of it (default 235)")
    parser.add_argument("--json", help="write everything that was measured here too")
    options = parser.parse_args()

    start, seconds = time.monotonic(), 60 if options.quick else options.seconds
    moba = os.path.abspath(options.moba)
    peak = matmul_rate()
    torch.cuda.empty_cache()
    rows, notes = [], []
    for w in WORKLOADS:
        title = f"{w.name} {w.tokens} {w.dim}"
        if (options.quick and not w.quick) or options.only not in title:
            continue
        try:
            row = run(w, moba, peak, start + seconds / 2)
            rows.append(row)
            notes += [f"{title}: {note}" for note in row["notes"]]
            say(f"{time.monotonic() - start:6.1f} s  {title}: {row.get('ours', {}).get('median')} ms, {row['peers']}")
        except Exception as error:
            notes.append(f"{title}: {reason(error)}")
            say(f"{time.monotonic() - start:6.1f} s  {notes[-1]}")

    own, data = ([], {}) if options.only else own_tables(moba, options.quick, notes, start + seconds)
    gated = bench_gated.run_all(moba, options, notes, start, start + seconds)
    rows.sort(key=lambda row: (row["name"], row["dim"], row["tokens"]))
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}; "
          f"bfloat16, {BATCH} sequences, {HEADS} heads. torch.matmul of 8192 x 8192 x 8192: {peak:.0f} TFLOP/s.\n")
    print("\n".join([*(main_table(rows, peak) if rows else []), "", *bench_gated.table(gated), "", *own]))
    for note in notes:
        print(f"- {note}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"matmul_tflops": peak, "rows": rows, "gated": gated, **data, "notes": notes}, file, indent=1)
    say(f"{time.monotonic() - start:6.1f} s in all")


if __name__ == "__main__":
    main()
