"""The coalition explorer in a real browser: clicks, taps and keys, and the numbers it shows."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import yaml
from helpers import HTML, ODD_NAMES, ROOT
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page
from scipy.ndimage import distance_transform_edt, uniform_filter

from insectlib.explain.games.coalitions import (
    all_coalitions,
    exact_shapley,
    join_in_order,
    leave_one_out,
)
from insectlib.explain.games.layouts import tiles
from insectlib.explain.games.scene_game import SCENE_PLAYERS
from insectlib.explain.masking.segments import blurred
from insectlib.models.inference import softmax
from insectlib.specimens.catalogue import sample_scene
from insectlib.specimens.insects.species import CLASS_NAMES
from insectlib.specimens.rendering import render
from insectlib.specimens.scene import PARTS, Scene
from insectlib.visualise.explorer import Explorer, explore_regions, explore_scene
from insectlib.visualise.region_svg import places_in_words, runs
from insectlib.visualise.style import printable

STATIC = ROOT / "insectlib" / "visualise"
SIDE = 360  # of the picture in the page


def some_table(n: int, seed: int) -> NDArray[np.float64]:
    """Return logits as a network gives them: 32 bits, and nothing about them is even."""
    random = np.random.default_rng(seed)
    alone = all_coalitions(n) @ random.normal(0, 1.5, (n, 3))
    return (alone + random.normal(0, 1, (2**n, 3))).astype(np.float32).astype(np.float64)


SCENE = sample_scene("cockroach", 2)  # all of its parts can be seen
SCENE_TABLE = some_table(8, 1)
TILES = tiles(64, 64, (3, 4, 3))
TILE_TABLE = some_table(10, 2)
PICTURE = render(sample_scene("beetle", 2), 128)[0]


def scene_explorer(key: str = "parts") -> Explorer:
    return explore_scene(SCENE, SCENE_PLAYERS, SCENE_TABLE, CLASS_NAMES, key=key, title="Parts?")


def tile_explorer() -> Explorer:
    return explore_regions(
        PICTURE, (128, 128, 128), TILES, TILE_TABLE, CLASS_NAMES, key="tiles", title="T", what="a b"
    )


def soft_explorer() -> Explorer:
    halves = tiles(128, 128, (2,))
    return explore_regions(
        PICTURE,
        blurred(PICTURE),
        halves,
        some_table(2, 3),
        CLASS_NAMES,
        key="soft",
        title="Two halves",
        what="a beetle",
        names=("left half", "right half"),
        explained=2,
    )


def odd_explorer(i: int) -> Explorer:
    """Return an explorer whose words are all one odd name."""
    name = ODD_NAMES[i]
    classes, places = (name, "b", "c"), (name, "right half")
    words = {"key": f"odd-{i}", "title": name, "what": name, "names": places, "explained": 0}
    halves = tiles(128, 128, (2,))
    return explore_regions(PICTURE, (9, 9, 9), halves, some_table(2, i), classes, **words)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Write pages with one explorer each, and one with all; return where they lie on disk."""
    html = {
        "parts": scene_explorer().html,
        "tiles": tile_explorer().html,
        "soft": soft_explorer().html,
    }
    html["all"] = "".join(html.values()) + scene_explorer("again").html
    html["odd"] = "".join(f"{odd_explorer(i).html}<hr>" for i in range(len(ODD_NAMES)))
    folder = tmp_path_factory.mktemp("pages")
    for name, body in html.items():
        (folder / f"{name}.html").write_text(
            '<!doctype html><html data-theme="light"><meta charset="utf-8"><title>Page</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="stylesheet" href="{STATIC / "explorer.css"}">'
            f'<script src="{STATIC / "explorer.js"}"></script><body>{body}',
            encoding="utf-8",
        )
    return {name: (folder / f"{name}.html").as_uri() for name in html}


Opener = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, pages: dict[str, str]) -> Iterator[Opener]:
    """Yield a function that opens a page; nothing may go wrong in it, or be fetched."""
    wrong: list[str] = []
    contexts = []

    def opened(name: str = "parts", width: int = 900, **settings: object) -> Page:
        settings = {
            "reduced_motion": "reduce",
            "viewport": {"width": width, "height": 900},
        } | settings
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda r: None if r.url.startswith(("file:", "data:")) else wrong.append(r.url),
        )
        page.goto(pages[name], wait_until="load")
        if settings.get("java_script_enabled", True):
            page.wait_for_function(
                "document.querySelectorAll('.coalition-explorer:not(.ce-ready)').length === 0"
            )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def chip(explorer: Locator, name: str) -> Locator:
    return explorer.locator(".ce-chip").and_(explorer.get_by_role("button", name=name, exact=True))


def pressed(explorer: Locator) -> list[bool]:
    return [c.get_attribute("aria-pressed") == "true" for c in explorer.locator(".ce-chip").all()]


def numbers(explorer: Locator) -> list[str]:
    return explorer.locator(".ce-number").all_inner_texts()


def expected_numbers(table: NDArray[np.float64], row: int) -> list[str]:
    return [f"{100 * share:.1f}%" for share in softmax(table)[row]]


def signed(value: float, places: int = 1) -> str:
    return f"{value:+z.{places}f}".replace("-", "\u2212")


def column(explorer: Locator, place: int) -> list[str]:
    """Return a column of the table of credits, and its sum in the last place."""
    rows = explorer.locator(".ce-table tbody tr, .ce-table tfoot tr").all()
    return [row.locator("td").nth(1 + place).inner_text() for row in rows]


def with_sum(values: NDArray[np.float64], places: int = 1) -> list[str]:
    return [signed(v, places) for v in [*values, values.sum()]]


def orders(n: int, seed: int = 1) -> Iterator[list[int]]:
    """Yield the orders that the script draws: mulberry32 and a shuffle from the end."""
    state = seed
    while True:
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            state = (state + 0x6D2B79F5) % 2**32
            t = ((state ^ state >> 15) * (1 | state)) % 2**32
            t = ((t + (t ^ t >> 7) * (61 | t)) ^ t) % 2**32
            j = int((t ^ t >> 14) / 2**32 * (i + 1))
            order[i], order[j] = order[j], order[i]
        yield order


def test_every_coalition_shows_the_network_s_own_answer(open_page: Opener) -> None:
    explorer = open_page().locator("#explorer-parts")
    assert numbers(explorer) == expected_numbers(SCENE_TABLE, 255)
    row = 255
    for player in np.random.default_rng(0).permutation(np.repeat(np.arange(8), 3)).tolist():
        chip(explorer, SCENE_PLAYERS[player]).click()
        row ^= 1 << player
        assert numbers(explorer) == expected_numbers(SCENE_TABLE, row)
        assert pressed(explorer) == all_coalitions(8)[row].tolist()
    explorer.get_by_role("button", name="Hide all").click()
    assert numbers(explorer) == expected_numbers(SCENE_TABLE, 0)
    best = softmax(SCENE_TABLE)[0].argmax()
    share = expected_numbers(SCENE_TABLE, 0)[best]
    told = f"0 of 8 parts shown. The network names {CLASS_NAMES[best]}, {share}."
    assert explorer.get_by_role("status").first.inner_text() == told
    explorer.get_by_role("button", name="Show all").click()
    assert pressed(explorer) == [True] * 8


def test_a_press_says_what_it_has_changed(open_page: Opener) -> None:
    explorer = open_page().locator("#explorer-parts")
    told = explorer.locator(".ce-change")
    assert told.inner_text() == ""
    goal = CLASS_NAMES.index(explorer.locator(".ce-chosen").inner_text().split()[0])
    shares = 100 * softmax(SCENE_TABLE)[:, goal]
    for player, name in enumerate(SCENE_PLAYERS):
        chip(explorer, name).click()
        move = shares[255 - 2**player] - shares[255]
        assert told.inner_text().startswith(f"Without {name}: {CLASS_NAMES[goal]} ")
        assert ("hide a second part" in told.inner_text()) == (abs(move) < 5)
        chip(explorer, name).click()
        assert told.inner_text().startswith(f"With {name}: ")
    explorer.get_by_role("button", name="Hide all").click()
    assert "A network names something even then" in told.inner_text()


def middle_of(part: str) -> tuple[float, float]:
    """Return the pixel of a part that lies farthest from its edge."""
    inside = render(SCENE, SIDE)[1] == PARTS.index(part)
    depth = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), inside.shape)
    return float(x) + 0.5, float(y) + 0.5


def test_a_click_in_the_drawing_switches_the_part_that_is_seen_there(open_page: Opener) -> None:
    explorer = open_page().locator("#explorer-parts")
    for player, part in enumerate(SCENE_PLAYERS):
        x, y = middle_of(part)
        explorer.locator(".ce-stage").click(position={"x": x, "y": y})
        assert pressed(explorer) == [name != part for name in SCENE_PLAYERS], part
        assert numbers(explorer) == expected_numbers(SCENE_TABLE, 255 - 2**player)
        explorer.get_by_role("button", name="Show all").click()


def test_a_click_where_a_part_was_brings_it_back(open_page: Opener) -> None:
    explorer = open_page().locator("#explorer-parts")
    explorer.get_by_role("button", name="Hide all").click()
    x, y = middle_of("legs")
    for there in (True, False):
        explorer.locator(".ce-stage").click(position={"x": x, "y": y})
        assert pressed(explorer) == [there and name == "legs" for name in SCENE_PLAYERS]


def staged(absent: tuple[str, ...]) -> Scene:
    scene = SCENE.plain_background().without("clutter") if "background" in absent else SCENE
    return scene.without(*(part for part in absent if part != "background"))


@pytest.mark.parametrize(
    "absent",
    [(), ("wings",), ("background", "legs"), ("background", "head", "strip"), SCENE_PLAYERS],
)
def test_the_drawing_is_the_scene_that_was_scored(
    open_page: Opener, absent: tuple[str, ...]
) -> None:
    """The SVG and the network's pixels are one drawing: noise aside, they look alike."""
    explorer = open_page().locator("#explorer-parts")
    for part in absent:
        chip(explorer, part).click()
    svg = explorer.locator(".ce-stage > svg")
    shot = Image.open(io.BytesIO(svg.screenshot())).convert("RGB").resize((SIDE, SIDE))
    drawn = uniform_filter(np.asarray(shot, float), (5, 5, 0))
    scored = uniform_filter(render(staged(absent), SIDE)[0].astype(float), (5, 5, 0))
    inner = np.abs(drawn - scored)[8:-8, 8:-8]  # the page rounds the corners
    assert inner.mean() < 3
    assert np.percentile(inner, 99) < 20


def test_the_pointer_shows_where_a_part_is_until_it_is_switched(open_page: Opener) -> None:
    explorer = open_page().locator("#explorer-parts")
    player = SCENE_PLAYERS.index("legs")
    marked = explorer.locator(".ce-hot")
    chip(explorer, "legs").hover()
    found = marked.evaluate_all("all => all.map(e => Number(e.dataset.player))")
    assert found
    assert set(found) == {player}
    chip(explorer, "legs").click()
    assert marked.count() == 0
    layers = explorer.locator(f".ce-stage [data-player='{player}']").all()
    assert {layer.evaluate("e => getComputedStyle(e).opacity") for layer in layers} == {"0"}


def test_tiles_are_switched_by_click_and_shown_before_grey(open_page: Opener) -> None:
    explorer = open_page("tiles").locator("#explorer-tiles")
    stage = explorer.locator(".ce-stage")
    row = 1023
    for tile in (0, 5, 9):
        y, x = SIDE * (np.argwhere(tile == TILES).mean(axis=0) + 0.5) / 64
        stage.click(position={"x": float(x), "y": float(y)})
        row ^= 1 << tile
        assert numbers(explorer) == expected_numbers(TILE_TABLE, row)
    canvas = explorer.locator(".ce-stage canvas")
    address = canvas.evaluate("c => c.toDataURL()")
    image = Image.open(io.BytesIO(base64.b64decode(address.split(",")[1])))
    pixels = np.asarray(image.convert("RGB"), dtype=float)
    step = len(pixels) // 128
    cells = np.kron(TILES, np.ones((2, 2), dtype=int))
    small = pixels[step // 2 :: step, step // 2 :: step]
    hidden = np.isin(cells, (0, 5, 9))
    np.testing.assert_array_equal(small[hidden], 128)
    assert np.abs(small[~hidden] - PICTURE[~hidden]).mean() < 8  # WebP, and enlarged


def test_taps_switch_too(open_page: Opener) -> None:
    page = open_page("soft", 390, has_touch=True, is_mobile=True)
    explorer = page.locator("#explorer-soft")
    explorer.locator(".ce-stage").tap(position={"x": 40, "y": 100})
    assert pressed(explorer) == [False, True]
    chip(explorer, "region B, right half").tap()
    assert pressed(explorer) == [False, False]
    assert numbers(explorer) == expected_numbers(some_table(2, 3), 0)


def test_everything_can_be_done_with_keys(open_page: Opener) -> None:
    page = open_page()
    explorer = page.locator("#explorer-parts")
    explorer.get_by_role("radio", name="beetle").focus()
    page.keyboard.press("ArrowDown")
    for _ in range(2):  # over what is checked to the first part
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "ce-chip":
            break
    assert page.evaluate("document.activeElement.textContent") == "head"
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    assert pressed(explorer) == [False, False, *[True] * 5, False]
    assert explorer.get_by_role("radio", name="cockroach").is_checked()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_an_order_is_played_step_by_step(open_page: Opener) -> None:
    explorer = open_page().locator("#explorer-parts")
    k = SCENE_TABLE[-1].argmax()
    points = 100 * softmax(SCENE_TABLE)[:, [k]]
    order = next(orders(8))
    added = join_in_order(points, order)[:, 0]
    following = explorer.locator(".ce-main")
    following.click()
    assert numbers(explorer) == expected_numbers(SCENE_TABLE, 0)
    row = 0
    for step, player in enumerate(order):
        assert following.inner_text() == f"Next: {SCENE_PLAYERS[player]} joins"
        following.click()
        row |= 1 << player
        amounts = explorer.locator(".ce-amount").all_inner_texts()
        assert amounts == [signed(added[p]) for p in order[: step + 1]] + [""] * (7 - step)
        assert numbers(explorer) == expected_numbers(SCENE_TABLE, row)
        assert f"{points[row, 0]:.1f}%" in explorer.locator(".ce-ends-line").last.inner_text()
    assert explorer.locator(".ce-name").all_inner_texts() == [SCENE_PLAYERS[p] for p in order]
    assert column(explorer, 0) == with_sum(added)
    assert explorer.locator(".ce-count").inner_text().startswith("1 order played.")


def test_another_order_gives_other_amounts_and_a_switch_ends_it(open_page: Opener) -> None:
    explorer = open_page().locator("#explorer-parts")
    explorer.get_by_role("button", name="Another order").click()
    first = explorer.locator(".ce-name").all_inner_texts()
    explorer.get_by_role("button", name="Another order").click()
    drawn = orders(8)
    expected = [[SCENE_PLAYERS[p] for p in next(drawn)] for _ in range(2)]
    assert [first, explorer.locator(".ce-name").all_inner_texts()] == expected
    chip(explorer, "strip").click()
    assert not explorer.locator(".ce-order").is_visible()


def test_a_press_during_an_order_asks_first(open_page: Opener) -> None:
    explorer = open_page().locator("#explorer-parts")
    for _ in range(3):  # begin, and two join
        explorer.locator(".ce-main").click()
    before = pressed(explorer)
    for press in (chip(explorer, "strip"), explorer.get_by_role("button", name="Show all")):
        press.click()
        assert pressed(explorer) == before
        assert "2 of 8 have joined. Press again" in explorer.locator(".ce-change").inner_text()
        explorer.locator(".ce-main").click()  # it goes on, and the next press asks anew
        assert explorer.locator(".ce-change").inner_text() == ""
        explorer.get_by_role("button", name="Another order").click()
        for _ in range(2):
            explorer.locator(".ce-main").click()
        before = pressed(explorer)
    chip(explorer, "strip").click()
    chip(explorer, "strip").click()
    assert pressed(explorer) != before
    assert not explorer.locator(".ce-order").is_visible()


def test_no_button_moves_while_an_order_is_played(open_page: Opener) -> None:
    explorer = open_page().locator("#explorer-parts")
    following = explorer.locator(".ce-main")
    where = "e => [e.offsetLeft, e.offsetTop, e.offsetWidth]"
    places = set()
    for _ in range(10):
        places.add(tuple(explorer.locator(".ce-hold").evaluate(where)))
        following.click()
    assert len(places) == 1


def test_on_a_phone_the_picture_stays_in_sight(open_page: Opener) -> None:
    page = open_page(width=390)
    explorer = page.locator("#explorer-parts")
    assert explorer.locator(".ce-tasks a").count() == 3
    explorer.locator(".ce-main").click()
    explorer.locator(".ce-panel-play").last.evaluate("e => e.scrollIntoView()")
    box = explorer.locator(".ce-stage").bounding_box()
    assert box and box["y"] >= 0 and box["y"] + box["height"] < 400


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_many_orders_meet_the_exact_values(open_page: Opener, motion: str) -> None:
    page = open_page("tiles", reduced_motion=motion)
    explorer = page.locator("#explorer-tiles")
    k = TILE_TABLE[-1].argmax()
    points = 100 * softmax(TILE_TABLE)[:, [k]]
    exact = exact_shapley(points)[:, 0]
    assert column(explorer, 0) == ["\u2013"] * 11
    assert column(explorer, 1) == ["\u2013"] * 11  # not told before the first order
    assert not explorer.locator(".ce-exact").first.is_visible()
    assert column(explorer, 2) == with_sum(leave_one_out(points)[:, 0])
    explorer.get_by_role("button", name="100 orders", exact=True).click()
    explorer.get_by_role("button", name="10 orders", exact=True).click()
    count = explorer.locator(".ce-count")
    page.wait_for_function(
        "document.querySelector('#explorer-tiles .ce-count').textContent.startsWith('110 orders')"
    )
    drawn = orders(10)
    mean = np.mean([join_in_order(points, next(drawn))[:, 0] for _ in range(110)], axis=0)
    assert column(explorer, 0) == with_sum(mean)
    assert column(explorer, 1) == with_sum(exact)
    assert f"value: {np.abs(mean - exact).max():.1f}." in count.inner_text()
    explorer.get_by_role("button", name="all 3,628,800").click()
    assert column(explorer, 0) == column(explorer, 1)
    gain = points[-1, 0] - points[0, 0]
    assert column(explorer, 0)[-1] == signed(gain)
    assert f"is {signed(gain)}." in explorer.locator(".ce-balance").inner_text()


def test_an_order_plays_by_itself_and_can_be_held(open_page: Opener) -> None:
    page = open_page("soft")
    explorer = page.locator("#explorer-soft")
    explorer.get_by_role("button", name="Play", exact=True).click()
    assert explorer.get_by_role("button", name="Pause").is_visible()
    page.wait_for_function(
        "document.querySelector('#explorer-soft .ce-count').textContent.startsWith('1 order ')"
    )
    assert pressed(explorer) == [True, True]
    explorer.get_by_role("button", name="Play", exact=True).click()
    explorer.get_by_role("button", name="Pause").click()
    assert explorer.get_by_role("button", name="Play", exact=True).is_visible()
    assert pressed(explorer) == [False, False]


@pytest.mark.parametrize("unit", ["percentage points", "logits"])
def test_every_class_and_unit_is_shared_out(open_page: Opener, unit: str) -> None:
    explorer = open_page().locator("#explorer-parts")
    explorer.get_by_role("radio", name=unit).check()
    explorer.get_by_role("button", name="10 orders", exact=True).click()
    game = 100 * softmax(SCENE_TABLE) if unit != "logits" else SCENE_TABLE
    places = 1 if unit != "logits" else 2
    drawn = orders(8)
    mean = np.mean([join_in_order(game, next(drawn)) for _ in range(10)], axis=0)
    for k, name in enumerate(CLASS_NAMES):
        explorer.get_by_role("radio", name=name).check()
        caption = f"What each part adds to {name}, in {unit}"
        assert explorer.locator("caption").inner_text() == caption
        for place, values in enumerate((mean, exact_shapley(game), leave_one_out(game))):
            assert column(explorer, place) == with_sum(values[:, k], places)


def test_explorers_on_a_page_keep_apart(open_page: Opener) -> None:
    page = open_page("all")
    first, again = page.locator("#explorer-parts"), page.locator("#explorer-again")
    chip(first, "wings").click()
    first.get_by_role("radio", name="dragonfly").check()
    assert pressed(again) == [True] * 8
    assert numbers(again) == expected_numbers(SCENE_TABLE, 255)
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids)) > 20
    named = page.evaluate("new Set([...document.querySelectorAll('input')].map(i => i.name)).size")
    assert named == 8


def test_a_screen_reader_is_told(open_page: Opener) -> None:
    page = open_page("all")
    explorer = page.get_by_role("group", name="Parts?", exact=True).first
    chip(explorer, "wings").click()
    assert explorer.get_by_role("img").first.get_attribute("aria-label") == (
        "The picture of a cockroach, without wings"
    )
    table = explorer.get_by_role("table")
    assert table.get_by_role("row").count() == 10
    assert table.get_by_role("rowheader", name="head", exact=True).count() == 1
    assert explorer.get_by_role("list", name="the order of joining").count() == 0
    explorer.locator(".ce-main").click()
    order = explorer.get_by_role("list", name="the order of joining")
    assert order.get_by_role("listitem").count() == 8
    for decoration in explorer.locator(".ce-bar, .ce-track, .ce-mini").all():
        assert decoration.get_attribute("aria-hidden") == "true"
    tile = page.locator("#explorer-tiles").get_by_role("button", name="region A, top left")
    assert tile.inner_text() == "A"


def test_motion_is_reduced_on_request(open_page: Opener) -> None:
    for motion, seconds in (("reduce", {"0s"}), ("no-preference", {"0.25s"})):
        page = open_page(reduced_motion=motion)
        found = page.evaluate(
            "[...document.querySelectorAll('.ce-layer, .ce-fill')]"
            ".map(e => getComputedStyle(e).transitionDuration)"
        )
        assert set(found) == seconds


@pytest.mark.parametrize("width", [390, 900])
def test_there_is_room_for_fingers_and_nothing_scrolls_sideways(
    open_page: Opener, width: int
) -> None:
    page = open_page("all", width)
    page.locator(".ce-main").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for target in page.locator("button, label").all():
        box = target.bounding_box()
        assert box and box["height"] >= 40, (target.inner_text(), box)
        assert box["width"] >= 40, (target.inner_text(), box)


def contrast(front: str, back: str) -> float:
    def luminance(colour: str) -> float:
        channels = [float(v) / 255 for v in re.findall(r"[\d.]+", colour)[:3]]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(front), luminance(back)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_can_be_read_in_both_schemes(open_page: Opener, theme: str) -> None:
    page = open_page()
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    chip(page.locator("#explorer-parts"), "head").click()
    page.locator("#explorer-parts .ce-main").click()
    found = page.evaluate(
        """() => [...document.querySelectorAll('#explorer-parts *')]
            .filter((e) => e.matches('p, span, button, td, th, legend'))
            .filter((e) => e.textContent.trim() && e.offsetParent)
            .map((e) => {
                let ground = e;
                const clear = (c) => c === 'rgba(0, 0, 0, 0)';
                const behind = () => getComputedStyle(ground).backgroundColor;
                while (clear(behind())) ground = ground.parentElement;
                return [e.textContent, getComputedStyle(e).color, behind()];
            })"""
    )
    assert len(found) > 60
    for text, front, back in found:
        assert contrast(front, back) >= 4.5, (text, front, back)


def test_without_scripts_there_is_a_picture_and_a_table(open_page: Opener) -> None:
    page = open_page("all", java_script_enabled=False)
    explorer = page.locator("#explorer-parts")
    assert explorer.locator("svg").is_visible()
    assert page.locator("#explorer-tiles img").is_visible()
    k = SCENE_TABLE[-1].argmax()
    values = exact_shapley(100 * softmax(SCENE_TABLE))[:, k]
    cells = explorer.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert cells == [signed(v) for v in [*values, values.sum()]]
    assert explorer.locator("button").count() == 0


def test_in_print_the_controls_are_left_out(open_page: Opener) -> None:
    page = open_page()
    page.emulate_media(media="print")
    explorer = page.locator("#explorer-parts")
    assert explorer.locator("svg").first.is_visible()
    assert explorer.locator(".ce-table").is_visible()
    assert not any(button.is_visible() for button in explorer.locator("button").all())


def test_the_explorers_of_the_book_play(browser: Browser) -> None:
    page = browser.new_page(reduced_motion="reduce")
    page.goto((HTML / "notebooks" / "04_shapley.html").as_uri(), wait_until="load")
    page.wait_for_function("document.querySelectorAll('.ce-ready').length === 3")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    for explorer in page.locator(".coalition-explorer").all():
        assert explorer.locator("..").evaluate("e => getComputedStyle(e).padding") == "0px"
        before = numbers(explorer)
        explorer.get_by_role("button", name="Hide all").click()
        assert numbers(explorer) != before
        explorer.get_by_role("button", name="1,000 orders").click()
        sums = explorer.locator("tfoot td").all_inner_texts()
        assert sums[1] == sums[2] != sums[3]
    page.close()


def test_a_notebook_shows_a_figure_where_there_is_no_page() -> None:
    explorer = tile_explorer()
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/html"].startswith(explorer.html)
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.format == "PNG"
    assert picture.width >= 600
    assert np.asarray(picture.convert("RGB")).std() > 20
    assert "A, B, C" in bundle["text/plain"]
    plain = dataclasses.replace(explorer, segments=None)._repr_mimebundle_()
    assert plain["image/png"] != bundle["image/png"]  # the tiles are outlined


def test_an_explorer_plays_in_a_notebook_too(browser: Browser) -> None:
    """Without a book around it: what the cell shows is all that there is."""
    page = browser.new_page()
    page.set_content(f"<body>{tile_explorer()._repr_mimebundle_()['text/html']}</body>")
    explorer = page.locator(".coalition-explorer.ce-ready")
    before = numbers(explorer)
    explorer.get_by_role("button", name="Hide all").click()
    assert numbers(explorer) != before
    assert explorer.evaluate("e => getComputedStyle(e).borderRadius") == "12px"
    page.close()


@pytest.mark.parametrize("first", [0, len(ODD_NAMES) - 10])
def test_a_notebook_shows_any_name(first: int) -> None:
    names = ODD_NAMES[first : first + 10]
    words = {"key": "odd", "title": "T", "what": "a b", "names": names}
    odd = explore_regions(PICTURE, (9, 9, 9), TILES, TILE_TABLE, names[:3], **words)
    bundle = odd._repr_mimebundle_()
    json.dumps(bundle, ensure_ascii=False).encode("utf-8")
    assert Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).width == 600


def test_any_name_is_shown_as_it_was_typed(open_page: Opener) -> None:
    page = open_page("odd")
    assert page.locator("hr").count() == len(ODD_NAMES)
    explorers = page.locator(".coalition-explorer.ce-ready")
    assert explorers.count() == len(ODD_NAMES)
    for i, name in enumerate(ODD_NAMES):
        assert explorers.nth(i).locator(".ce-title").text_content() == printable(name)
        # what the script makes of the data
        assert name in (explorers.nth(i).locator(".ce-top").text_content() or "")


def data_of(explorer: Explorer) -> dict[str, object]:
    found = re.search(r'<script type="application/json">(.*)</script>', explorer.html)
    assert found
    return json.loads(found[1])


def test_the_page_holds_the_network_s_numbers_to_the_last_bit() -> None:
    data = data_of(scene_explorer())
    held = np.frombuffer(base64.b64decode(str(data["logits"])), "<f4").reshape(256, 3)
    np.testing.assert_array_equal(held, SCENE_TABLE)
    assert data["players"] == list(SCENE_PLAYERS)


def test_regions_are_told_by_runs_and_words() -> None:
    told = runs(TILES)
    np.testing.assert_array_equal(np.repeat(told[::2], told[1::2]), TILES.ravel())
    words = places_in_words(TILES)
    assert [words[0], words[2], words[8], words[9]] == [
        *("top left", "top right", "bottom centre", "bottom right")
    ]


def test_a_title_with_markup_stays_words() -> None:
    explorer = explore_scene(
        SCENE, SCENE_PLAYERS, SCENE_TABLE, ("<b>", "</script>", "&"), key="k", title="<i>?"
    )
    assert "<i>" not in explorer.html
    assert explorer.html.count("</script>") == 1
    assert data_of(explorer)["classes"] == ["<b>", "</script>", "&"]


def test_sizes_stay_small() -> None:
    assert (STATIC / "explorer.js").stat().st_size < 60_000
    assert (STATIC / "explorer.css").stat().st_size < 30_000
    for seed, name in enumerate(CLASS_NAMES):
        drawn = explore_scene(
            sample_scene(name, 20 + seed),
            SCENE_PLAYERS,
            SCENE_TABLE,
            CLASS_NAMES,
            key="a",
            title="t",
        )
        assert len(drawn.html) < 150_000
    large = explore_regions(
        render(SCENE, 384)[0],
        blurred(render(SCENE, 384)[0]),
        tiles(128, 128, (4, 4, 4)),
        some_table(12, 0),
        CLASS_NAMES,
        key="a",
        title="t",
        what="w",
        quality=82,
    )
    assert len(large.html) < 150_000


def test_every_page_loads_script_and_style() -> None:
    sphinx = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    assert "explorer.js" in sphinx["html_js_files"]
    assert "explorer.css" in sphinx["html_css_files"]
    for name in ("explorer.js", "explorer.css"):
        text = (STATIC / name).read_text()
        assert not re.search(r"https?://(?!www\.w3\.org)|@import|import ", text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": "Two words"}, "lower-case letters"),
        ({"players": SCENE_PLAYERS[:-1]}, "six parts"),
        ({"table": SCENE_TABLE[:128]}, "7 players"),
        ({"class_names": ("a", "b")}, "2 class_names for 3 outputs"),
    ],
)
def test_a_game_that_does_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    arguments = {
        "scene": SCENE,
        "players": SCENE_PLAYERS,
        "table": SCENE_TABLE,
        "class_names": CLASS_NAMES,
        "key": "k",
        "title": "t",
    }
    with pytest.raises(ValueError, match=message):
        explore_scene(**(arguments | change))


def test_regions_that_do_not_fit_are_refused() -> None:
    settings = {"key": "k", "title": "t", "what": "w"}
    with pytest.raises(ValueError, match="13 regions"):
        explore_regions(
            PICTURE, (0, 0, 0), tiles(64, 64, (6, 7)), TILE_TABLE, CLASS_NAMES, **settings
        )
    with pytest.raises(ValueError, match="1 names for 10 regions"):
        explore_regions(PICTURE, (0, 0, 0), TILES, TILE_TABLE, CLASS_NAMES, names=["x"], **settings)
