#!/usr/bin/env python3
"""Whether the check of regular expressions refuses those that Envoy refuses for their size, and no others.

    campaign.py [--count N] [--seed N] [--minutes N] [--envoy FILE] PROGRAM [ARGUMENT…]

Makes random expressions whose programs are near Envoy's limit, asks PROGRAM which it takes and
Envoy for their sizes, by its warnings, and prints a table. Exits with 1 if a law does not hold:

    1. Envoy refuses none that PROGRAM takes.
    2. PROGRAM refuses none that has less than half of the instructions that Envoy takes.

PROGRAM reads one expression a line, after `i` if it matches without regard to case or `s` if not,
and prints one line for each: nothing if it takes it, otherwise why not.
"""

import argparse
import collections
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time

LIMIT = 100_000
BATCH = 20
BATCH_TIMEOUT = 600
MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"

Expression = collections.namedtuple("Expression", "kind text case_sensitive")


# Expressions: parts of random grammar, whose sizes Envoy tells, repeated until they are near the limit.

LITERALS = ["a", "b", "k", "S", "0", "-", "_", "/", r"\.", "é", "ß", "日", r"\x{e9}", r"\n", r"\x00"]
CLASSES = [".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"\pL", r"\PL", r"\p{Lu}", r"\P{Ll}", r"\pN",
           r"\p{Greek}", r"\P{Greek}", r"\p{Latin}", r"\P{Common}"]
CLASS_ITEMS = ["a", "k", "B", "S", "z", "_", "a-f", "A-F", "g-z", "0-9", "é", "à-ÿ", r"\x{80}-\x{9f}", r"\xe9",
               r"\d", r"\w", r"\S", r"\pL", r"\P{Lu}", "[:alpha:]", "[:^alnum:]", "[:punct:]"]
SEGMENTS = ["api", "v1", "v2", "users", "orders", "items", "static", "img", "health", "café", "a", "b"]


def char_class(rng):
    if rng.random() < 0.4:
        return rng.choice(CLASSES)
    items = "".join(rng.choice(CLASS_ITEMS) for _ in range(rng.randint(1, 6)))
    return f"[{rng.choice(['', '', '^'])}{items}]"


def word(rng):
    alphabet = rng.choice(["ab", "abc01", "aBcDé", "abcdefghijklmnopqrstuvwxyz-"])
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 12)))


def words(rng):
    chosen = [word(rng) for _ in range(rng.randint(2, 40))]
    return "(?:" + "|".join(sorted(chosen) if rng.random() < 0.5 else chosen) + ")"


def paths(rng):
    routes = ["/".join(rng.choice(SEGMENTS + [r"[^/]+", r"\d+", r"\w*"]) for _ in range(rng.randint(1, 5)))
              for _ in range(rng.randint(1, 12))]
    return "(?:/" + "|/".join(routes) + ")"


def quantifier(rng):
    low = rng.randint(0, 6)
    return rng.choice(["*", "+", "?", f"{{{low}}}", f"{{{low},}}", f"{{{low},{low + rng.randint(0, 9)}}}"]) \
        + rng.choice(["", "", "?"])


def grammar(rng, depth):
    def item():
        draw = rng.random()
        if draw < 0.35:
            return rng.choice(LITERALS)
        if draw < 0.6:
            return char_class(rng)
        if draw < 0.65:
            return rng.choice([r"\b", r"\B", "^", "$", "(?:)", "()", "(?i)", "(?-i)", "(?s)", "(?U)"])
        if depth == 0:
            return word(rng)
        return rng.choice(["(", "(?:", "(?:", "(?i:", "(?s:"]) + grammar(rng, depth - 1) + ")"

    def piece():
        text = item()
        is_flag = text.startswith("(?") and text.endswith(")") and ":" not in text
        return text if is_flag or rng.random() < 0.5 else text + quantifier(rng)

    count = rng.choice([1, 1, 1, 2, 3, 6])
    return "|".join("".join(piece() for _ in range(rng.randint(1, 5))) for _ in range(count))


def loops(rng):
    """Repetitions of what may be empty, in one another."""
    inner = "|".join(rng.choice(["", char_class(rng) + "*", char_class(rng) + "+", word(rng) + "?", "a*b*"])
                     for _ in range(rng.randint(2, 4)))
    after = rng.choice(["", "x", char_class(rng)])
    return f"(?:(?:(?:{inner}){rng.choice('*+?')}{after}){rng.choice(['*', '+', '*?', '{2,}'])})"


KINDS = {
    "class": char_class,
    "words": words,
    "paths": paths,
    "grammar": lambda rng: f"(?:{grammar(rng, rng.randint(0, 3))})",
    "groups": lambda rng: f"({grammar(rng, 1)})({word(rng)})",
    "loops": loops,
}


def part(rng):
    """The kind and the text of a part that can be repeated some times."""
    kind = rng.choice(list(KINDS))
    return kind, KINDS[kind](rng)


def most_repeated(text):
    """An upper bound of how often the counted repetitions in a text repeat something."""
    product = 1
    for low, high in re.findall(r"\{(\d+)(?:,(\d*))?\}", text):
        product *= max(int(high or low), 1)
    return product


def near_limit(rng, parts):
    """An expression of some parts, each as often as it takes to come near the limit together."""
    chosen = rng.sample(parts, rng.randint(1, 5))
    target = rng.randint(35_000, 125_000)
    pieces = []
    for _, text, size in chosen:
        share = target // len(chosen)
        once = min(rng.randint(2, 1000), 1000 // most_repeated(text))
        while share > 0 and once > 0:
            count = max(1, min(once, share // size))
            low = rng.randint(0, count)
            pieces.append(text + rng.choice([f"{{{count}}}", f"{{{count}}}", f"{{{count},}}", f"{{{low},{count}}}"]))
            share -= count * size
        if once == 0:
            pieces.extend([text] * max(1, share // size))
    if rng.random() < 0.3:
        rng.shuffle(pieces)
    joined = rng.choice(["", "", "/", "|"]).join(pieces)
    kind = "+".join(sorted({kind for kind, _, _ in chosen})) if len(chosen) < 3 else "mixed"
    return Expression(kind, joined, rng.random() < 0.7)


# Envoy

def envoy_text(expression):
    return expression.text if expression.case_sensitive else "(?i)" + expression.text


def bootstrap(texts):
    routes = [{"match": {"safe_regex": {"regex": text}}, "direct_response": {"status": 200}} for text in texts]
    manager = {"@type": MANAGER, "stat_prefix": "campaign",
               "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
               "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}]}
    return {
        "layered_runtime": {"layers": [{"name": "sizes", "static_layer": {
            "re2.max_program_size.error_level": 4_000_000_000, "re2.max_program_size.warn_level": 0}}]},
        "static_resources": {"listeners": [{
            "name": "campaign", "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}]},
    }


def validate(envoy, texts):
    """The sizes of the programs of the first texts, up to one that Envoy refuses, and why it does."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(bootstrap(texts), file)
        file.flush()
        command = [envoy, "--mode", "validate", "--config-path", file.name, "--log-level", "warning"]
        done = subprocess.run(command, capture_output=True, timeout=BATCH_TIMEOUT, check=False)
    log = (done.stdout + done.stderr).decode("utf-8", "replace")
    sizes = [int(size) for size in re.findall(r"RE2 program size of (\d+) > max program size", log)]
    if done.returncode == 0 and len(sizes) != len(texts):
        sys.exit(f"envoy told {len(sizes)} sizes of {len(texts)}")
    return sizes, None if done.returncode == 0 else log.strip().rsplit("\n", 1)[-1]


def envoy_sizes(envoy, texts):
    """Yields for each text the size of its program, or why Envoy has none."""
    texts = list(texts)
    while texts:
        sizes, error = validate(envoy, texts[:BATCH])
        yield from sizes
        texts = texts[len(sizes):]
        if error is not None:
            yield re.sub(r"^.*json': ", "", error)[:80]
            texts = texts[1:]


# The check

def ask_program(command, expressions):
    """Yields for each expression why the program refuses it, or nothing."""
    lines = "".join(f"{'s' if one.case_sensitive else 'i'}{one.text}\n" for one in expressions)
    done = subprocess.run(command, input=lines.encode(), capture_output=True, check=True)
    reasons = done.stdout.decode().split("\n")[:-1]
    if len(reasons) != len(expressions):
        sys.exit(f"{command[0]} gave {len(reasons)} verdicts on {len(expressions)} expressions")
    return reasons


# The campaign

def measured_parts(envoy, rng, count):
    drawn = [part(rng) for _ in range(count)]
    sizes = envoy_sizes(envoy, (text for _, text in drawn))
    return [(kind, text, size - 4) for (kind, text), size in zip(drawn, sizes, strict=True)
            if isinstance(size, int) and size > 4]


def column(size):
    if not isinstance(size, int):
        return "no program"
    return next((f"up to {most:,}" for most in (LIMIT // 2, LIMIT * 3 // 4, LIMIT) if size <= most), "more")


def report(results):
    """Prints the table and what violates a law; returns whether none does."""
    columns = ["up to 50,000", "up to 75,000", "up to 100,000", "more", "no program"]
    verdicts = {"taken": lambda reason: not reason, "refused for size": lambda reason: "compiles to" in reason,
                "refused otherwise": lambda reason: reason and "compiles to" not in reason}
    print(f"{'':20}" + "".join(f"{name:>15}" for name in columns))
    for name, applies in verdicts.items():
        counts = collections.Counter(column(size) for _, size, reason in results if applies(reason))
        print(f"{name:20}" + "".join(f"{counts[name]:>15}" for name in columns))
    kinds = collections.Counter(expression.kind for expression, _, _ in results)
    print("kinds: " + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(12)))
    others = collections.Counter((reason, size if isinstance(size, str) else "") for _, size, reason in results
                                 if verdicts["refused otherwise"](reason))
    for (reason, error), count in others.most_common(8):
        print(f"    {count} {reason} / {error}")
    pairs = [(int(told.group(1)) / size, size) for _, size, reason in results if isinstance(size, int) and size > 6
             and (told := re.search(r"about (\d+) instructions", reason))]
    if pairs:
        ratios = sorted(ratio for ratio, _ in pairs)
        print(f"size told when refused to Envoy's: {ratios[0]:.4f} to {ratios[-1]:.4f}, "
              f"median {ratios[len(ratios) // 2]:.4f}")
    broken = {
        "1, taken, and Envoy refuses": lambda size, reason: not reason and (not isinstance(size, int) or size > LIMIT),
        "2, refused, and below half": lambda size, reason: reason and isinstance(size, int) and size < LIMIT // 2,
    }
    holds = True
    for law, is_broken in broken.items():
        found = [result for result in results if is_broken(*result[1:])]
        print(f"law {law}: {len(found)} of {len(results)}")
        for expression, size, reason in found[:10]:
            print(f"    {envoy_text(expression)[:200]!r}\n        Envoy: {size}, the check: {reason or 'taken'}")
        holds = holds and not found
    return holds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--envoy", default=".venv/bin/envoy")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    os.nice(15)
    end = time.monotonic() + arguments.minutes * 60
    rng = random.Random(arguments.seed)
    parts = measured_parts(arguments.envoy, rng, max(100, arguments.count // 4))
    print(f"{len(parts)} parts", flush=True)
    results = []
    while len(results) < arguments.count and time.monotonic() < end:
        batch = [near_limit(rng, parts) for _ in range(BATCH)]
        reasons = ask_program(arguments.program, batch)
        sizes = envoy_sizes(arguments.envoy, map(envoy_text, batch))
        results.extend(zip(batch, sizes, reasons, strict=True))
    sys.exit(0 if report(results) else 1)


if __name__ == "__main__":
    main()
