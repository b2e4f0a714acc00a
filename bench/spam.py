#!/usr/bin/env python3
"""How much spam is caught at what price in good mail: a ROC on the fixed split of the SpamAssassin public corpus.

    spam.py [--peers rspamd,spamassassin] [--json FILE] [--svg FILE]

Ours is the shipped model, which has never seen the part that is tested here, and it with all rules, without network.
Peers come from Debian's packages (rspamd with redis-server, spamassassin with spamd) and learn from the same three
quarters (scripts/spam_corpus.py).
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from spam_peers import Peer, Rspamd, SpamAssassin, running

from securemail.analysis import analyse
from securemail.antispam.learned import start_model
from securemail.antispam.tokens import blocks
from securemail.context import Context
from securemail.examined import Examined
from securemail.techniques import all_analysers

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from spam_corpus import Sample, corpus  # noqa: E402 - scripts are no package

RATES = (0.0, 0.001, 0.005, 0.01)
PEERS = {"rspamd": Rspamd, "spamassassin": SpamAssassin}
_COLOURS = ("#0b6e4f", "#7a9e1f", "#b5651d", "#4a4e9b")

Scores = list[tuple[float, bool]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=ROOT / "var/spam-corpus")
    parser.add_argument("--peers", default="")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    samples = list(corpus(options.corpus))
    tested = [one for one in samples if one.test]
    results = ours(tested)
    for name in filter(None, options.peers.split(",")):
        with running(PEERS[name]()) as peer:
            results.append(theirs(peer, samples, tested))
        print(f"{results[-1]['name']}: done", file=sys.stderr)
    ham = sum(not one.spam for one in tested)
    print(f"{ham} good messages, {len(tested) - ham} spam\n\n{table(results)}")
    if options.json:
        options.json.write_text(json.dumps(results))
    if options.svg:
        options.svg.write_text(picture(results))


def ours(tested: Sequence[Sample]) -> list[dict]:
    analysers = all_analysers()
    model: Scores = []
    whole: Scores = []
    spent = []
    for sample in tested:
        began = time.process_time()
        facts = analyse(sample.raw, Context(), analysers).findings.facts
        spent.append(time.process_time() - began)
        score = start_model().score(blocks(Examined(sample.raw)))
        model.append((score, sample.spam))
        whole.append((score + sum(fact.weight for fact in facts), sample.spam))
    spent.sort()
    cpu = {"ms": 1000 * statistics.mean(spent), "p99": 1000 * spent[len(spent) * 99 // 100]}
    return [
        {"name": "model and rules", "scores": whole, **cpu},
        {"name": "model alone", "scores": model},
    ]


def theirs(peer: Peer, samples: Sequence[Sample], tested: Sequence[Sample]) -> dict:
    if isinstance(peer, SpamAssassin):
        peer.learn((one.raw, one.spam) for one in samples if not one.test)
        peer.start()
    else:
        peer.start()
        peer.learn((one.raw, one.spam) for one in samples if not one.test)
    before = peer.cpu()
    scores = [(peer.score(one.raw), one.spam) for one in tested]
    return {"name": peer.name, "scores": scores, "ms": 1000 * (peer.cpu() - before) / len(tested)}


def caught(scores: Scores, rate: float) -> float:
    """The share of spam above every threshold at which no more than that share of good mail is."""
    good = sorted((score for score, spam in scores if not spam), reverse=True)
    threshold = good[int(rate * len(good))]
    spam = [score for score, is_spam in scores if is_spam]
    return sum(score > threshold for score in spam) / len(spam)


def table(results: Sequence[dict]) -> str:
    head = "".join(f" at {100 * rate:g} % |" for rate in RATES)
    lines = [f"| caught, % |{head} ms CPU a message |", "|---|" + "---:|" * (len(RATES) + 1)]
    for one in results:
        shares = "".join(f" {100 * caught(one['scores'], rate):.1f} |" for rate in RATES)
        lines.append(f"| {one['name']} |{shares} {one['ms']:.1f} |" if "ms" in one else f"| {one['name']} |{shares} |")
    return "\n".join(lines)


def picture(results: Sequence[dict]) -> str:
    """Up to 2 % of good mail lost, from 60 % of spam caught."""
    left, top, width, height, most, least = 60, 20, 560, 360, 0.02, 0.6

    def x(rate: float) -> float:
        return left + width * rate / most

    def y(share: float) -> float:
        return top + height * (1 - max(0.0, share - least) / (1 - least))

    size = f"0 0 {left + width + 20} {top + height + 60}"
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for step in range(5):
        share, rate = least + step * 0.1, step * 0.005
        drawn.append(
            f'<path d="M{left} {y(share):.1f}H{left + width}M{x(rate):.1f} {top}V{top + height}" stroke="#ddd"/>'
            f'<text x="{left - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{100 * share:.0f} %</text>'
            f'<text x="{x(rate):.1f}" y="{top + height + 18}" text-anchor="middle">{100 * rate:g} %</text>'
        )
    drawn.append(f'<text x="{left + width / 2}" y="{top + height + 40}" text-anchor="middle">good mail lost</text>')
    drawn.append(f'<text x="{left}" y="{top - 6}">spam caught</text>')
    for number, one in enumerate(results):
        colour = _COLOURS[number % len(_COLOURS)]
        points = [(step * most / 200, caught(one["scores"], step * most / 200)) for step in range(201)]
        line = " ".join(f"{x(rate):.1f},{y(share):.1f}" for rate, share in points)
        drawn.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = top + height - 20 - 20 * (len(results) - 1 - number)
        drawn.append(f'<path d="M{left + width - 170} {at}h24" stroke="{colour}" stroke-width="3"/>')
        drawn.append(f'<text x="{left + width - 138}" y="{at + 4}">{one["name"]}</text>')
    return "\n".join([*drawn, "</svg>\n"])


if __name__ == "__main__":
    main()
