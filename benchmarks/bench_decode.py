"""Decode 10,000 posts: this package against msgspec's Struct and cattrs, in one run, as ratios.

    python benchmarks/bench_decode.py [--posts 10000] [--rounds 15]

msgspec is no dependency: install it beside the package to have it measured. Each contender decodes the same
bytes into typed objects; the rounds alternate, and the best of each counts. The garbage collector stays on, as
it is in an application.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import cattrs
from cattrs.gen import make_dict_structure_fn, override

from tokfluence_async.models import Items, Music, Post
from tokfluence_async.protocol.codec import decode_data, dumps, loads
from tokfluence_async.protocol.structure import JUDGES, optional_of

WORDS = (
    "spring",
    "launch",
    "drop",
    "haul",
    "recipe",
    "unboxing",
    "today",
    "with",
    "me",
    "wait",
    "for",
    "the",
    "end",
)
TAGS = ("fyp", "wwe", "foryou", "spring", "ootd", "grwm", "haul", "beauty")
MIX = random.Random(7)


def post(number: int) -> dict[str, Any]:
    """A post as long as real ones are: a caption with emoji and hashtags, a signed cover address."""
    video = 7234567890123456789 + number * 1234567
    tags = [f"{MIX.choice(TAGS)}{MIX.randrange(99)}" for _ in range(MIX.randrange(2, 7))]
    words = " ".join(MIX.choices(WORDS, k=MIX.randrange(6, 25)))
    return {
        "post_id": str(video),
        "url": f"https://www.tiktok.com/@creator{number % 500}/video/{video}",
        "caption": f"{words} {MIX.choice('✨🔥😂🎉')} {' '.join('#' + tag for tag in tags)}",
        "published_at": f"2026-05-{1 + number % 28:02}T10:{number % 60:02}:00Z",
        "cover_url": f"https://cover.example.test/obj/{MIX.getrandbits(128):032x}~noop.image"
        f"?x-expires={1778900000 + number}&x-signature={MIX.getrandbits(160):040x}",
        "duration": MIX.randrange(7, 180),
        "views": MIX.randrange(10**6),
        "likes": MIX.randrange(10**5),
        "comments": MIX.randrange(10**4),
        "shares": MIX.randrange(10**4),
        "saves": MIX.randrange(10**4),
        "hashtags": tags,
        "mentions": [f"user{MIX.randrange(9999)}" for _ in range(MIX.randrange(3))],
        "music": {
            "title": f"original sound - {MIX.choice(WORDS)}",
            "author": f"creator{number % 500}",
            "original": MIX.random() < 0.5,
        },
        "is_sponsored": MIX.random() < 0.2,
    }


def msgspec_struct() -> Callable[[bytes], Any] | None:
    """msgspec straight into Structs with the same fields."""
    if importlib.util.find_spec("msgspec") is None:
        return None
    import msgspec  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - optional

    song = msgspec.defstruct(
        "Song", [("title", str | None, None), ("author", str | None, None), ("original", bool | None, None)]
    )
    texts, numbers = ("url", "caption", "cover_url"), ("views", "likes", "comments", "shares", "saves")
    struct: Any = msgspec.defstruct(
        "Struct",
        [
            ("post_id", str),
            *((name, str | None, None) for name in texts),
            ("published_at", datetime | None, None),
            ("duration", float | None, None),
            *((name, int | None, None) for name in numbers),
            ("hashtags", list[str], msgspec.field(default_factory=list)),
            ("mentions", list[str], msgspec.field(default_factory=list)),
            ("music", song | None, None),
            ("is_sponsored", bool | None, None),
        ],
    )
    envelope = msgspec.defstruct("Envelope", [("data", list.__class_getitem__(struct))])
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(envelope).decode
    return decode


def flat_hook(annotation: Any) -> Callable[[Any, Any], Any]:
    """One of the package's own checks as the quickest hook that cattrs can call."""
    inner = optional_of(annotation)
    right, judge = JUDGES[annotation if inner is None else inner]
    cls = {"str": str, "int": int, "float": float, "bool": bool}.get(right)
    if inner is None:
        return lambda value, _: value if value.__class__ is cls else judge(value)
    return lambda value, _: value if value.__class__ is cls or value is None else judge(value)


def cattrs_converter(*, strict: bool) -> Callable[[bytes], Any]:
    """orjson and cattrs: with its defaults and a hook for instants, or with the package's own checks as hooks."""
    converter = cattrs.Converter(detailed_validation=not strict)
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    if strict:
        converter.register_structure_hook_factory(
            lambda annotation: annotation in JUDGES or optional_of(annotation) in JUDGES, flat_hook
        )
        for plain in (str, int, float, bool, datetime):
            converter.register_structure_hook(plain, flat_hook(plain))
    for cls in (Music, Post):
        made = make_dict_structure_fn(cls, converter, _extra=override(omit=True))
        converter.register_structure_hook(cls, made)
    if not strict:
        return lambda body: converter.structure(loads(body)["data"], list[Post])
    hook = converter.get_structure_hook(Post)

    def in_place(body: bytes) -> list[Any]:
        # As the package does it, which spares the garbage collector.
        items: list[Any] = loads(body)["data"]
        for index, item in enumerate(items):
            items[index] = hook(item, Post)
        return items

    return in_place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    plain = [post(number) for number in range(options.posts)]
    body = dumps({"data": plain})
    unknown = dumps({"data": [{**each, "unknown": 1} for each in plain]})
    del plain
    contenders: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
        "this package": (lambda body: decode_data(Items[Post], body), body),
        "this package, a field of each unknown": (lambda body: decode_data(Items[Post], body), unknown),
        "cattrs, strict hooks (drops unknown fields)": (cattrs_converter(strict=True), body),
        "cattrs, defaults (drops them, and is not strict)": (cattrs_converter(strict=False), body),
        "orjson alone, to dicts": (loads, body),
    }
    struct = msgspec_struct()
    if struct is None:
        print("msgspec is not installed: ratios are to orjson alone")
    else:
        contenders = {"msgspec Struct": (struct, body), **contenders}
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(options.rounds):
        for name, (decode, given) in contenders.items():
            gc.collect()
            start = time.perf_counter()
            result = decode(given)
            best[name] = min(best[name], time.perf_counter() - start)
            del result
    floor = best["orjson alone, to dicts" if struct is None else "msgspec Struct"]
    print(f"{options.posts} posts, {len(body) / options.posts:.0f} bytes each, best of {options.rounds}")
    for name, seconds in best.items():
        print(f"{seconds / options.posts * 1e6:7.2f} µs a post  {seconds / floor:5.2f}  {name}")


if __name__ == "__main__":
    main()
