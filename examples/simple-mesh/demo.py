#!/usr/bin/env python3
"""A small mesh on this machine, in five steps. `make demo` builds what it needs and runs it.

    demo.py [--keep] [--step 03]... [--programs DIR] [--envoy PATH] [--folder DIR]

Needs Python 3.9 or newer, and nothing from a package index. README.md beside this file tells the story.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import signal
import sys
import time
from pathlib import Path

from processes import DRAIN_TIME, INTERRUPTS, Failed, Mesh, Proxy
from traffic import Answer, Load, get, shares

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
APPLES = {"apples": "12", "cost": "0.30 each"}
# How many requests the shares are counted over, and how far they may be from their weights: more
# than five standard deviations for a share of one third.
SAMPLE = 600
TOLERANCE = 0.10


class Style:
    """Colours, where they can be seen."""

    on = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    @classmethod
    def paint(cls, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if cls.on else text


def say(text: str = "") -> None:
    print(text, flush=True)


def heading(step: str, title: str) -> None:
    say(f"\n{Style.paint('1', f'{step}  {title}')}")


def note(text: str) -> None:
    say(f"    {Style.paint('2', text)}")


def show(url: str, status: int, who: str = "", body: str | None = None, why: str = "") -> Answer:
    """Sends a request, prints who answered, and fails if the answer is not the expected one."""
    answer = get(url)
    path = "/" + url.split("/", 3)[3]
    text = f"    GET {path:<24} {answer.status or 'none'}  {answer.who or '-':<12} {answer.body}"
    say(f"{text}  {Style.paint('2', why)}" if why else text)
    if answer.status != status or (who and answer.who != who):
        expected = f"{status} from {who}" if who else str(status)
        raise Failed(f"GET {url} should be answered {expected}, "
                     f"was answered {answer.status or 'not at all'} from {answer.who or 'nobody'}")
    if body is not None and body not in answer.body:
        raise Failed(f"GET {url} should be answered with {body}, was answered with {answer.body}")
    return answer


def change(mesh: Mesh, proxy: Proxy, source: str, what: str, load: list[str], condition,
           settle: float = 0.7) -> None:
    """Saves another map under load; says how soon Envoy answers by it, and what was lost.

    `condition` gets the load, and gives back when Envoy was first seen to follow: the time, or true
    for now, or false if it was not. `settle` is how many seconds the load goes on after that.
    """
    seen: list = []

    def follows() -> bool:
        seen[:] = [condition(running)]
        return bool(seen[0])

    with Load(load) as running:
        running.run_on(0.3)
        saved = mesh.save_map(HERE / source)
        mesh.wait_for(proxy.process, follows, f"Envoy to follow {source}")
        took = max(0.0, (time.monotonic() if seen[0] is True else seen[0]) - saved)
        # Losses of a change come with it or shortly after, when the old is taken apart.
        running.run_on(settle)
    mesh.check()
    lost = len(running.lost)
    verdict = Style.paint("32", "none lost") if not lost else Style.paint("31", f"{lost} lost")
    say(f"    {Style.paint('1', what)}: saved {source}")
    say(f"        Envoy answers by it after {took * 1000:.0f} ms; "
        f"{running.sent} requests meanwhile, {verdict}")
    if lost:
        raise Failed(f"{lost} of {running.sent} requests were lost while the map changed; the first: "
                     f"{running.lost[0]}", proxy.process.log)


def answers(url: str, status: int, who: str = ""):
    """A condition for `change`: a request over a new connection is answered so."""
    def condition(*_: object) -> bool:
        answer = get(url)
        return answer.status == status and who in ("", answer.who)
    return condition


def step_00(mesh: Mesh) -> list[str]:
    heading("00", "No mesh: the shop must know where the stock is")
    stock = mesh.service("stock", "blue", APPLES)
    shop = mesh.service("shop", "blue", forwards={"apples": f"{stock}/stock/key/apples"})
    show(f"{stock}/stock/key/apples", 200, "stock-blue", '"12"')
    show(f"{shop}/shop/forward/apples", 200, "shop-blue", '"12"', "the shop asked the stock")
    return [f"{shop}/shop/forward/apples"]


def step_01(mesh: Mesh) -> list[str]:
    heading("01", "A gateway, all of its Envoy in one static file")
    mesh.save_map(HERE / "01-static-gateway/1-stock.json")
    templates = HERE / "01-static-gateway/templates"
    gateway = mesh.gateway("store", DATA_STORE_EXEC="ext-store-local",
                           NJ_DSLOCAL_DIR_TEMPLATES=str(templates))
    mesh.service("stock", "blue", APPLES)
    mesh.service("shop", "blue", forwards={"apples": f"{gateway.url}/stock/key/apples"})
    mesh.ready()
    note(f"the gateway is {gateway.url}; the shop asks it for the stock")
    show(f"{gateway.url}/stock/key/apples", 200, "stock-blue", '"12"')
    show(f"{gateway.url}/shop/who", 404, why="not in the map yet")
    change(mesh, gateway, "01-static-gateway/2-stock-and-shop.json", "the shop joins",
           [f"{gateway.url}/stock/who"], answers(f"{gateway.url}/shop/who", 200, "shop-blue"),
           settle=DRAIN_TIME + 2)
    show(f"{gateway.url}/shop/forward/apples", 200, "shop-blue", '"12"')
    if gateway.epoch() != 1:
        raise Failed(f"Envoy should be of restart epoch 1, is of {gateway.epoch()}", gateway.process.log)
    note("that took a new Envoy process (restart epoch 1): what a static file costs")
    return [f"{gateway.url}/shop/forward/apples"]


def step_02(mesh: Mesh) -> list[str]:
    heading("02", "Dynamic configuration, by the templates that come with Nightjar")
    mesh.save_map(HERE / "02-dynamic-configuration/1-stock-and-shop.json")
    gateway = mesh.gateway("store")
    mesh.service("stock", "blue", APPLES)
    mesh.service("shop", "blue", forwards={"apples": f"{gateway.url}/stock/key/apples"})
    mesh.ready()
    stock, shop = f"{gateway.url}/stock/who", f"{gateway.url}/shop/who"
    show(f"{gateway.url}/shop/forward/apples", 200, "shop-blue", '"12"')
    change(mesh, gateway, "02-dynamic-configuration/2-shop-without-route.json",
           "the shop's route is taken away", [stock], answers(shop, 404))
    show(shop, 404)
    show(stock, 200, "stock-blue")
    change(mesh, gateway, "02-dynamic-configuration/1-stock-and-shop.json",
           "the route is put back", [stock], answers(shop, 200, "shop-blue"))
    show(shop, 200, "shop-blue")
    if gateway.epoch() != 0:
        raise Failed("Envoy should never have been restarted", gateway.process.log)
    note("by the same Envoy process all along (restart epoch 0)")
    return [shop, stock]


def show_shares(url: str, weights: dict[str, int]) -> None:
    """Counts who answers, prints it next to the weights, and fails if they are far apart."""
    counted = shares(url, SAMPLE)
    total = sum(weights.values())
    for who, weight in weights.items():
        share, configured = counted[who] / SAMPLE, weight / total
        say(f"    {who:<12} weight {weight} of {total} = {configured:6.1%}   "
            f"observed {counted[who]:>3} of {SAMPLE} = {share:6.1%}")
        if abs(share - configured) > TOLERANCE:
            raise Failed(f"{who} answered {share:.1%} of the requests to {url}, not {configured:.1%}")
    if sum(counted[who] for who in weights) != SAMPLE:
        raise Failed(f"others than {', '.join(weights)} answered {url}: {dict(counted)}")


def step_03(mesh: Mesh) -> list[str]:
    heading("03", "Two colors share a path, with weights 1 and 2")
    mesh.save_map(HERE / "03-two-colors/1-blue.json")
    gateway = mesh.gateway("store")
    mesh.service("stock", "blue", APPLES)
    mesh.service("stock", "green", APPLES)
    mesh.ready()
    url = f"{gateway.url}/stock/who"
    show_shares(url, {"stock-blue": 1})
    change(mesh, gateway, "03-two-colors/2-blue-and-green.json", "green joins", [url],
           lambda load: load.first_seen.get("stock-green"))
    show_shares(url, {"stock-blue": 1, "stock-green": 2})
    change(mesh, gateway, "03-two-colors/3-green.json", "blue leaves", [url],
           answered_without("stock-blue"))
    show_shares(url, {"stock-green": 2})
    return [url]


def answered_without(who: str, answers_in_a_row: int = 40):
    """A condition for `change`: so many answers under load without one from `who`, since its last."""
    seen: dict = {}

    def condition(load: Load) -> float | bool:
        last = load.last_seen.get(who)
        if seen.get("last") != last:
            seen.update(last=last, sent=load.sent)
        return last if "sent" in seen and load.sent - seen["sent"] >= answers_in_a_row else False
    return condition


def step_04(mesh: Mesh) -> list[str]:
    heading("04", "Two namespaces: sidecars, egress, a private route, a preferred gateway")
    mesh.save_map(HERE / "04-two-namespaces/1-cost-is-private.json")
    store, bank = mesh.gateway("store"), mesh.gateway("bank")
    shop_sidecar = mesh.sidecar("store", "shop", "blue")
    mesh.sidecar("store", "stock", "blue")
    mesh.sidecar("store", "stock", "green")
    mesh.sidecar("bank", "rates", "blue")
    to_bank = f"http://127.0.0.1:{mesh.port('shop-blue to bank')}"
    to_store = f"http://127.0.0.1:{mesh.port('rates-blue to store')}"
    mesh.service("stock", "blue", APPLES)
    mesh.service("stock", "green", APPLES)
    mesh.service("shop", "blue", forwards={
        "apples": f"{shop_sidecar.url}/stock/key/apples",
        "cost": f"{shop_sidecar.url}/stock/key/cost",
        "vat": f"{to_bank}/rates/key/vat"})
    mesh.service("rates", "blue", {"vat": "21 %"}, forwards={
        "apples": f"{to_store}/stock/key/apples",
        "cost": f"{to_store}/stock/key/cost"})
    mesh.ready()

    note(f"inside namespace store: the shop asks its sidecar, {shop_sidecar.url}")
    show_shares(f"{shop_sidecar.url}/stock/who", {"stock-blue": 1, "stock-green": 2})
    show(f"{store.url}/shop/forward/apples", 200, "shop-blue", '"12"')
    note("/stock/ is public, /stock/key/cost below it is private to the namespace")
    cost = f"{store.url}/stock/key/cost"
    show(f"{shop_sidecar.url}/stock/key/cost", 200, body="0.30", why="at the shop's sidecar")
    show(cost, 404, why="at the gateway")
    show(f"{store.url}/stock/x/..//key/cost", 404, why="at the gateway, spelled otherwise")

    note(f"from bank to store: the rates ask their sidecar's egress listener, {to_store}")
    show(f"{bank.url}/rates/forward/apples", 200, "rates-blue", '"12"')
    show(f"{bank.url}/rates/forward/cost", 404, "rates-blue", why="private, so not for bank either")

    note(f"from store to bank, through the gateway that bank prefers: {to_bank}")
    vat = f"{store.url}/shop/forward/vat"
    before = bank.requests_to("c-rates-blue-3000")
    for _ in range(5):
        answer = get(vat)
    passed = bank.requests_to("c-rates-blue-3000") - before
    show(vat, 200, "shop-blue", "21 %")
    say(f"    bank's gateway passed on {passed} of 5 requests")
    if passed != 5:
        raise Failed(f"bank's gateway passed on {passed} of 5 requests from store (last answer: "
                     f"{answer.status} {answer.body})", bank.process.log)

    load = [f"{store.url}/stock/who", vat]
    change(mesh, store, "04-two-namespaces/2-cost-is-public.json", "the cost becomes public", load,
           answers(cost, 200))
    show(cost, 200, body="0.30")
    change(mesh, shop_sidecar, "04-two-namespaces/3-bank-without-preference.json",
           "bank no longer prefers its gateway", load,
           lambda *_: shop_sidecar.requests_to("remote-bank-rates-blue-3000") > 0)
    before = bank.requests_to("c-rates-blue-3000")
    show(vat, 200, "shop-blue", "21 %", "straight to the rates")
    if bank.requests_to("c-rates-blue-3000") != before:
        raise Failed("the request should not have passed bank's gateway", bank.process.log)
    return [f"{store.url}/stock/who", f"{store.url}/shop/forward/apples", cost, vat,
            f"{bank.url}/rates/forward/cost"]


STEPS = {"00": step_00, "01": step_01, "02": step_02, "03": step_03, "04": step_04}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs a small mesh on this machine, step by step.")
    parser.add_argument("--keep", action="store_true", default=os.environ.get("KEEP", "") not in ("", "0"),
                        help="stay up after the last step, until Ctrl-C (also: KEEP=1)")
    parser.add_argument("--step", action="append", choices=STEPS, help="only this step; may be repeated")
    parser.add_argument("--programs", type=Path, default=ROOT / "target/debug",
                        help="where Nightjar's programs are (default: target/debug)")
    parser.add_argument("--envoy", type=Path, default=ROOT / ".venv/bin/envoy",
                        help="Envoy itself (default: .venv/bin/envoy)")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo",
                        help="where everything is written (default: .demo)")
    return parser.parse_args()


def check_programs(options: argparse.Namespace) -> None:
    """Fails with all that is missing, before anything is started."""
    wanted = [options.programs / name for name in ("nightjar-standalone", "ext-store-local", "sample-service")]
    missing = [str(path) for path in [*wanted, options.envoy] if not os.access(path, os.X_OK)]
    if missing:
        raise Failed("there is no program " + ", ".join(missing) + "; `make demo` builds and installs them")


def only_demo(folder: Path):
    """Holds the folder for this process; a second demo would overwrite the files of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Failed(f"another demo is running in {folder}") from None
    return lock


def stay(mesh: Mesh, urls: list[str]) -> None:
    """Keeps the last step up, and says what to do with it."""
    say(f"\n{Style.paint('1', 'The mesh stays up until Ctrl-C.')} Ask it:")
    for url in urls:
        say(f"    curl -i {url}")
    if mesh.proxies:
        say(f"Change it: edit {mesh.map}, save, ask again.")
        say("Watch: what Envoy runs, its admin page, Nightjar's log and readiness of each proxy:")
        for proxy in mesh.proxies:
            status = mesh.port(f"{proxy.process.name} status")
            say(f"    {proxy.folder}\n        {proxy.url}  admin http://127.0.0.1:{proxy.admin}  "
                f"status http://127.0.0.1:{status}/ready\n        {proxy.process.log}")
    while True:
        time.sleep(0.5)
        mesh.check()


def run(options: argparse.Namespace) -> None:
    options.programs, options.folder = options.programs.resolve(), options.folder.resolve()
    options.envoy = Path(os.path.abspath(options.envoy))
    check_programs(options)
    steps = sorted(set(options.step or STEPS))
    # Envoy multiplies the number by ten inside 32 bits; process ids are unique and far below that.
    base_id = os.getpid() * 10
    with only_demo(options.folder):
        for name in steps:
            with Mesh(options.folder / name, options.programs, options.envoy, base_id) as mesh:
                try:
                    urls = STEPS[name](mesh)
                    if options.keep and name == steps[-1]:
                        stay(mesh, urls)
                except Failed as failure:
                    raise Failed(f"step {name}: {failure}", failure.log) from failure


def tail(log: Path, lines: int = 15) -> None:
    """Prints the end of a log, Envoy's lines about single requests left out."""
    kept = [line for line in log.read_text(errors="replace").splitlines()
            if not re.match(r'\[.*" \d{3} ', line)]
    say(f"The end of {log}:")
    for line in kept[-lines:]:
        say(f"    | {line}")


def main() -> int:
    # Said for SIGINT too, which whoever starts this in the background may have it ignore.
    signal.signal(signal.SIGINT, INTERRUPTS.arrive)
    signal.signal(signal.SIGTERM, INTERRUPTS.arrive)
    options = arguments()
    started = time.monotonic()
    try:
        run(options)
    except Failed as failure:
        say(f"\n{Style.paint('1;31', 'FAILED')} {failure}")
        if failure.log is not None and failure.log.exists():
            tail(failure.log)
        return 1
    except KeyboardInterrupt:
        say("\nended")
        return 0 if options.keep else 130
    say(f"\n{Style.paint('1;32', 'All is as it should be')} "
        f"({time.monotonic() - started:.0f} s; `make demo KEEP=1` leaves the mesh up to play with)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
