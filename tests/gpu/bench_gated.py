"""The block-gated table of bench.py: MobaTopK by length, block size and data, beside dense attention and published times.

moba makes these inputs itself, for a file of a long one would be too big. What it computes is compared at 4,096 tokens, where it
is given a file: attention by the routes that it took, and the routes by a gate of ours, both in float32.
"""

import math
import os
import time
from dataclasses import dataclass

import torch
from safetensors.torch import load_file, save_file
from torch.nn.attention import SDPBackend, sdpa_kernel

from bench_common import folder_for, moba_report, number, reason, run_moba, say, timed

DIM, CHECKED_TOKENS, CHECKED_BATCH = 128, 4096, 2
PASSES = ("centroids", "gate", "overlap", "index", "own", "routed", "combine", "union")
ROUTING = PASSES[:4]


@dataclass
class Gated:
    """One row of the table."""

    tokens: int
    block: int = 128
    top_k: int = 8
    batch: int = 2
    heads: int = 16
    key_heads: int = 16
    data: str = "random"
    path: str = "auto"
    workspace_mb: int | None = None
    flash_moba_ms: float | None = None  # FlashMoBA 2.0 of this shape, random data, as published: not measured here
    dense: bool = True
    quick: bool = False

    @property
    def title(self):
        limit = f", {self.workspace_mb} MB" if self.workspace_mb else ""
        return f"gated {self.block}x{self.top_k} {self.tokens} x {self.batch}, {self.heads}/{self.key_heads} heads, {self.data}{'' if self.path == 'auto' else ', ' + self.path}{limit}"

    @property
    def shape(self):
        return ["--set", f"BlockSize={self.block}", "--set", f"TopK={self.top_k}"]

    def arguments(self):
        numbers = {"tokens": self.tokens, "batch": self.batch, "heads": self.heads, "key-heads": self.key_heads, "dim": DIM}
        limit = ["--workspace", str(self.workspace_mb)] if self.workspace_mb else []
        return ["bench", "MobaTopK", "--target", "cuda", "--no-dense", "--data", self.data, "--path", self.path, *limit, *self.shape,
                *(x for name, value in numbers.items() for x in (f"--{name}", str(value)))]


WORKLOADS = [
    Gated(4096, flash_moba_ms=1.73, quick=True),
    Gated(8192, flash_moba_ms=3.48),
    Gated(32768, flash_moba_ms=17.2, quick=True),
    Gated(65536, flash_moba_ms=46.2),
    Gated(65536, data="correlated"),
    Gated(65536, data="correlated", path="gathered"),
    Gated(65536, data="correlated", path="union"),
    Gated(32768, block=512, top_k=3, flash_moba_ms=9.46),
    Gated(65536, block=64, top_k=16, flash_moba_ms=91.4),
    Gated(65536, workspace_mb=512),
    Gated(65536, batch=1, heads=32, key_heads=32),
    Gated(65536, batch=1, heads=32, key_heads=8),
    Gated(262144, flash_moba_ms=440.0, dense=False),
    Gated(1048576, batch=1, heads=8, key_heads=8, dense=False),
]


# Dense attention


def dense_ms(w, known):
    """cuDNN's dense causal attention of the same shape; each shape is measured once."""
    key = (w.tokens, w.batch, w.heads, w.key_heads)
    if key not in known:
        q, k, v = (torch.randn(w.batch, h, w.tokens, DIM, device="cuda", dtype=torch.bfloat16) for h in (w.heads, w.key_heads, w.key_heads))

        def call():
            with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
                return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=w.heads != w.key_heads)

        try:
            known[key] = timed(call)[0]
        finally:
            del q, k, v
            torch.cuda.empty_cache()
    return known[key]


# Correctness. One head of one sequence: q, k, v [tokens, dim] in float32, routes [tokens, top_k].


def attend(q, k, v, routes, block):
    """Attention over the blocks of the routes."""
    tokens, at = len(q), torch.arange(len(q), device=q.device)
    blocks = -(-tokens // block)
    chosen = torch.zeros(tokens, blocks + 1, dtype=torch.bool, device=q.device)
    chosen.scatter_(1, torch.where(routes < 0, blocks, routes).long(), True)  # the column behind the last is for slots that are empty
    mask = chosen[:, :blocks].repeat_interleave(block, 1)[:, :tokens] & (at[:, None] >= at)
    scores = (q @ k.T / math.sqrt(q.shape[1])).masked_fill(~mask, -math.inf)
    return torch.softmax(scores, 1) @ v


def route_deficit(q, k, routes, block, top_k):
    """By how much of the gates' size a left out block beats a chosen one, at most; infinite where no rounding explains a route."""
    tokens, at = len(q), torch.arange(len(q), device=q.device)
    past = at // block  # past blocks of a query, and its own block
    centroids = k.reshape(-1, block, k.shape[1]).mean(1).to(torch.bfloat16).float()
    chosen = torch.zeros(tokens, len(centroids) + 1, dtype=torch.int32, device=q.device)
    chosen.scatter_add_(1, torch.where(routes[:, 1:] < 0, len(centroids), routes[:, 1:]).long(), torch.ones_like(routes[:, 1:]))
    chosen = chosen[:, :-1]
    choosable = torch.arange(len(centroids), device=q.device) < past[:, None]
    if bool((routes[:, 0] != past).any() | (chosen > 1).any() | ((chosen > 0) & ~choosable).any() | (chosen.sum(1) != past.clamp(max=top_k - 1)).any()):
        return math.inf
    gates = q @ centroids.T
    worst = gates.masked_fill(chosen == 0, math.inf).amin(1)
    best = gates.masked_fill(~choosable | (chosen > 0), -math.inf).amax(1)
    size = (q.abs() @ centroids.abs().T).masked_fill(~choosable, 0).amax(1)
    behind = torch.isfinite(worst) & torch.isfinite(best) & (best > worst)
    return ((best - worst)[behind] / size[behind]).max().item() if bool(behind.any()) else 0.0


def check(w, moba, known):
    """Largest and mean difference of the output, and the routes' largest deficit, for some heads of this gate at 4,096 tokens."""
    key = (w.block, w.top_k, w.heads, w.key_heads)
    if key in known:
        return known[key]
    torch.manual_seed(w.block + w.heads)
    rows = CHECKED_BATCH * CHECKED_TOKENS
    tensors = {name: torch.randn(rows, heads, DIM, device="cuda").to(torch.bfloat16) for name, heads in (("q", w.heads), ("k", w.key_heads), ("v", w.key_heads))}
    with folder_for(16 * rows * w.heads * DIM) as folder:
        source, output = (os.path.join(folder, name) for name in ("in.safetensors", "out.safetensors"))
        offsets = torch.arange(CHECKED_BATCH + 1, dtype=torch.int32) * CHECKED_TOKENS
        save_file({**{name: tensor.cpu() for name, tensor in tensors.items()}, "cu_seqlens": offsets}, source)
        said = run_moba(moba, ["run", "MobaTopK", "--target", "cuda", "--input", source, "--output", output, "--routes", *w.shape])
        if "on tensor cores" not in said:
            raise RuntimeError(f"moba run did not run on tensor cores: {said}")
        made = load_file(output, device="cuda")
    worst, total, deficit, count = 0.0, 0.0, 0.0, 0
    for sequence in range(CHECKED_BATCH):
        at = slice(sequence * CHECKED_TOKENS, (sequence + 1) * CHECKED_TOKENS)
        for head in sorted({0, w.heads // 3, w.heads - 1}):
            key_head = head * w.key_heads // w.heads
            q, k, v = (tensors[name][at, h].float() for name, h in (("q", head), ("k", key_head), ("v", key_head)))
            routes = made["routes"][at, head]
            gap = (made["o"][at, head].float() - attend(q, k, v, routes, w.block)).abs()
            worst = max(worst, gap.max().item()) if bool(torch.isfinite(gap).all()) else math.nan
            total, count = total + gap.mean().item(), count + 1
            deficit = max(deficit, route_deficit(q, k, routes, w.block, w.top_k))
    known[key] = {"largest": worst, "mean": total / count, "deficit": deficit}
    return known[key]


# The table


def run(w, moba, dense, checked):
    """Measures one row; what fails of it is a note."""
    row = {"title": w.title, **vars(w), "notes": []}
    steps = [("ours", lambda: moba_report(moba, w.arguments(), 150)["rows"][0]), ("difference", lambda: check(w, moba, checked))]
    steps += [("dense_ms", lambda: dense_ms(w, dense))] if w.dense else []
    for name, step in steps:
        try:
            row[name] = step()
        except Exception as error:  # the others are still worth their time
            row["notes"].append(f"{name}: {reason(error)}")
    torch.cuda.empty_cache()
    return row


def run_all(moba, options, notes, start, end):
    """The rows that the options ask for, until the time is over."""
    rows, dense, checked = [], {}, {}
    for w in WORKLOADS:
        if (options.quick and not w.quick) or options.only not in w.title:
            continue
        if time.monotonic() > end:
            notes.append(f"{w.title}: no time left; --only gated, or more --seconds")
            continue
        row = run(w, moba, dense, checked)
        rows.append(row)
        notes += [f"{w.title}: {note}" for note in row["notes"]]
        say(f"{time.monotonic() - start:6.1f} s  {w.title}: {row.get('ours', {}).get('median')} ms, dense {row.get('dense_ms')}, {row.get('difference')}")
    return rows


def table(rows):
    if not rows:
        return []
    heads = ["gate", "tokens", "sequences", "heads", "data", "MoBA ms", "useful TFLOP/s", "FlashMoBA 2.0 ms, published", "faster than that",
             "dense cuDNN ms", "faster than that", "routing ms", *PASSES, "workspace GB", "groups", "union ratio", "path", "host us",
             "largest difference", "mean difference", "route deficit"]
    lines = ["Block-gated (MobaTopK, bfloat16, dim 128). routing: centroids, gate, overlap and index; a pass of the path that is not taken is the end of its launches. union ratio: past blocks that 128 neighbouring queries of a "
             "head choose together, over those that one does. Differences and deficit: of the same gate at 4,096 tokens, from attention by the same routes "
             "and from a gate in float32:",
             "", "| " + " | ".join(heads) + " |", "|---|" + "---:|" * 3 + "---|" + "---:|" * (len(heads) - 5)]
    for row in rows:
        ours, gap, dense, published = row.get("ours") or {}, row.get("difference") or {}, row.get("dense_ms"), row["flash_moba_ms"]
        ms, passes = ours.get("median"), ours.get("passes") or {}
        workspace = ours.get("workspace_bytes")
        cells = [
            f"{row['block']}x{row['top_k']}{', at most ' + str(row['workspace_mb']) + ' MB' if row['workspace_mb'] else ''}", str(row["tokens"]),
            str(row["batch"]), f"{row['heads']}/{row['key_heads']}", row["data"], number(ms, "{:.3f}"), number(ours.get("tflops"), "{:.0f}"),
            number(published, "{:.2f}") if published else "", number(published / ms, "{:.1f}x") if published and ms else "",
            number(dense, "{:.3f}") if row["dense"] else "", number(dense / ms, "{:.1f}x") if dense and ms else "",
            number(sum(passes.get(p, 0.0) for p in ROUTING) if passes else None, "{:.3f}"), *(number(passes.get(p), "{:.3f}") for p in PASSES),
            number(workspace / 1e9 if workspace is not None else None, "{:.2f}"), number(ours.get("groups"), "{}"), number(ours.get("union_ratio")), f"{ours.get('path', '')}{'' if row['path'] == 'auto' else ', asked for'}",
            number(ours.get("host_microseconds"), "{:.0f}"), number(gap.get("largest"), "{:.1e}"), number(gap.get("mean"), "{:.1e}"),
            number(gap.get("deficit"), "{:.1e}"),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines
