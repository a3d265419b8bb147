"""Pickles that somebody who has the key could seal: each would do harm if it were read by plain pickle.

They are written by hand, opcode by opcode, because no honest pickler writes them.
"""

import hashlib
import hmac
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zstandard

from fluvial.header import FORMAT


def forged(
    content: bytes, key: bytes, header: Mapping[str, Any] | bytes = b"{}", *, pack: bool = True
) -> bytes:
    """Bytes under a good seal, as somebody who has the key could make them."""
    body = zstandard.compress(content) if pack else content
    head = header if isinstance(header, bytes) else json.dumps(dict(header)).encode()
    front = b"FLUVIAL" + bytes([FORMAT]) + len(head).to_bytes(4, "big") + head
    return front + hmac.digest(key, front + body, hashlib.sha256) + body


def smuggled(attack: bytes, genuine: bytes) -> bytes:
    """A genuine packed state that makes an attack on the way and forgets what came of it."""
    return genuine[:-1] + attack + b"0."


# ---- opcodes


def text(value: str) -> bytes:
    """A text."""
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    """A whole number."""
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def blob(value: bytes) -> bytes:
    """Bytes."""
    return b"B" + struct.pack("<I", len(value)) + value


def many(*parts: bytes) -> bytes:
    """A tuple."""
    return b"(" + b"".join(parts) + b"t"


def named(place: str) -> bytes:
    """What ``module:name`` is looked up as; the name may have dots."""
    module, _, name = place.partition(":")
    return text(module) + text(name) + b"\x93"


def called(function: bytes, *given: bytes) -> bytes:
    """A call."""
    return function + many(*given) + b"R"


def made(cls: bytes, *given: bytes) -> bytes:
    """A blank instance."""
    return cls + many(*given) + b"\x81"


def mapping(**items: bytes) -> bytes:
    """A dict."""
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def built(thing: bytes, state: bytes) -> bytes:
    """A thing to which a state is given."""
    return thing + state + b"b"


def set_on(thing: bytes, **attributes: bytes) -> bytes:
    """A thing on which attributes are set."""
    return built(thing, b"N" + mapping(**attributes) + b"\x86")


# ---- attacks


def attacks(marker: Path) -> dict[str, bytes]:
    """Opcodes that leave one thing on the stack, by what they try; those that could make ``marker`` do."""
    return {**_calls(marker), **_chains(marker), **_opcodes(marker), **_poison(), **_abuse(), **_claims()}


def _calls(marker: Path) -> dict[str, bytes]:
    """Functions and classes that run, open or load something, called straight away."""
    path, touch = str(marker), f"touch {marker}"
    code = f"open({path!r}, 'w').close()"
    calls: dict[str, tuple[bytes, ...]] = {
        **dict.fromkeys(("os:system", "posix:system", "subprocess:getoutput"), (text(touch),)),
        **dict.fromkeys(
            ("subprocess:Popen", "subprocess:check_output", "subprocess:run"),
            (b"]" + text("touch") + b"a" + text(path) + b"a",),
        ),
        **dict.fromkeys(
            ("builtins:exec", "builtins:eval", "timeit:timeit", "cProfile:run", "pdb:run"), (text(code),)
        ),
        **dict.fromkeys(
            ("builtins:open", "io:open", "codecs:open", "_io:FileIO", "numpy:memmap"), (text(path), text("w"))
        ),
        **dict.fromkeys(("os:mkdir", "os:makedirs", "pathlib:Path.touch", "sqlite3:connect"), (text(path),)),
        **dict.fromkeys(
            ("logging:FileHandler", "numpy:load", "pandas:read_pickle", "joblib:load"), (text(path),)
        ),
        **dict.fromkeys(
            ("builtins:__import__", "importlib:import_module", "ctypes:CDLL"), (text("antigravity"),)
        ),
        **dict.fromkeys(("runpy:run_path", "shutil:rmtree", "shelve:open", "dbm:open"), (text(path),)),
        **dict.fromkeys(
            ("pickle:loads", "_pickle:loads", "marshal:loads"),
            (blob(b"cos\nsystem\n(V" + touch.encode() + b"\ntR."),),
        ),
        **dict.fromkeys(("codecs:decode", "codecs:encode"), (text("uryyb"), text("rot13"))),
        "webbrowser:open": (text("http://127.0.0.1:9"),),
        "copyreg:add_extension": (text("os"), text("system"), number(1)),
        "copyreg:_reconstructor": (named("fluvial.state:State"), named("builtins:object"), b"N"),
        "copyreg:__newobj__": (named("fluvial.state:State"),),
        "types:CodeType": (number(0),),
        "builtins:compile": (text(code), text("x"), text("exec")),
        "builtins:type": (text("X"), b")", b"}"),
        "builtins:bytearray": (number(10**9),),
        # of our own house and of River's: what opens files when it is made
        "fluvial.store:Store": (text(f"sqlite:///{path}"),),
        "fluvial.secrets:read_or_make": (text(path), named("fluvial.state:Model")),
        "consumers.embedded:EmbeddedLog": (text(path),),
        "learners.expression:build": (text("dummy.PriorClassifier()"),),
        "river.datasets:Bikes": (),
        "river.datasets.base:FileDataset": (number(1), number(1), text("Binary"), text(path)),
        "river.stream:iter_csv": (text(path),),
        "river.stream.iter_csv:open_filepath": (text(path), text("gzip")),
    }
    return {f"call {place}": called(named(place), *given) for place, given in calls.items()}


def _chains(marker: Path) -> dict[str, bytes]:
    """Ways round: one harmless step after another."""
    touch = text(f"touch {marker}")
    system = named("os:system")
    getter = named("builtins:getattr")
    code = text(f"open({str(marker)!r}, 'w').close()")
    globals_of = called(getter, named("learners.portable:revive_counter"), text("__globals__"))
    return {
        "a chain of getattr": called(called(getter, named("builtins:__import__"), text("__self__")), code),
        "getattr on a reviver": globals_of,
        "attrgetter": called(called(named("operator:attrgetter"), text("system")), named("os:path.os")),
        "methodcaller": called(called(named("operator:methodcaller"), text("system"), touch), system),
        "partial": called(called(named("functools:partial"), system, touch)),
        "reduce": called(named("functools:reduce"), system, touch),
        "map": called(named("builtins:map"), system, touch),
        "a partial of ours of os.system": called(
            called(named("learners.bound:revive_partial"), text("os:system"), many(touch), b"}")
        ),
        "a partial of ours of a call": called(
            named("learners.bound:revive_partial"), system, many(touch), b"}"
        ),
        "a default of os.system": called(named("learners.bound:revive_default"), text("os:system")),
        "a default of a looked up os.system": called(named("learners.bound:revive_default"), system),
        "a method of a text": called(named("learners.bound:revive_method"), touch, text("upper")),
        "a listed method of a text": called(
            named("learners.bound:revive_method"), touch, text("river.linear_model.pa:BasePA._calc_tau_1")
        ),
        "a class method of nobody": called(named("learners.bound:revive_class_method"), text("os:system")),
        "a function from code": called(
            named("types:FunctionType"), called(named("marshal:loads"), blob(b"c"))
        ),
        "dots behind a state": named("fluvial.state:State.__init__.__globals__"),
        "dots behind a reviver": named("learners.portable:revive_counter.__globals__"),
        "dots behind a held class": named(
            "river.ensemble.streaming_random_patches:BaseSRPClassifier.__init__.__globals__"
        ),
        "dots through an import": named("fluvial.allowed:sys.modules"),
        "dots to the builtins": named("fluvial.state:__builtins__"),
        "a class that is imported there": named("fluvial.state:Learner"),
        "a function beside a listed class": named("river.tree.splitter.ebst_splitter:copy.deepcopy"),
        "Python 2's name": b"c__builtin__\neval\n" + many(code) + b"R",
        "Python 2's module": b"ccommands\ngetoutput\n" + many(touch) + b"R",
        "the same by GLOBAL": b"cos\nsystem\n" + many(touch) + b"R",
        "a call of a class of ours": called(named("fluvial.state:Model"), code, number(1)),
        "a call of a class of River's": called(named("river.linear_model.log_reg:LogisticRegression")),
        "a call of a quantile's": called(named("river.sketch.histogram:Histogram"), number(10**9)),
        "a mould of no class": made(named("learners.portable:revive_counter")),
        "a mould with keywords": named("fluvial.state:Model") + b")" + mapping(expression=code) + b"\x92",
    }


def _opcodes(marker: Path) -> dict[str, bytes]:
    """Opcodes that no snapshot has."""
    touch = f"V touch {marker}\n".encode()
    return {
        "INST": b"(" + touch + b"ios\nsystem\n",
        "OBJ": b"(cos\nsystem\n" + touch + b"o",
        "INST of a class of River's": b"(I10\niriver.sketch.histogram\nHistogram\n",
        "EXT1": b"\x82\xf0",
        "EXT2": b"\x83\xf0\xf0",
        "EXT4": b"\x84\xf0\xf0\xf0\x00",
        "PERSID": b"Pos.system\n",
        "BINPERSID": text("os.system") + b"Q",
        "NEXT_BUFFER": b"\x97",
        "READONLY_BUFFER": text("x") + b"\x98",
        "a newer protocol": b"\x80\x2a",
        "no opcode": b"\xff",
        "POP of too much": b"0000000000",
        "a memo that is not there": b"j\xff\xff\xff\x7f",
        "NEWOBJ of a text": text("os.system") + b")\x81",
        "a STACK_GLOBAL of numbers": number(1) + number(2) + b"\x93",
    }


def _poison() -> dict[str, bytes]:
    """States given to what is shared by the whole process, or taken by what has none."""
    srp = named("river.ensemble.streaming_random_patches:BaseSRPClassifier")
    accents = named("river.feature_extraction.vectorize:strip_accents_unicode")
    reviver, state = named("learners.bound:revive_lower"), named("fluvial.state:State")
    return {
        "set on a held class": set_on(srp, predict_one=reviver),
        "set on a held class what it inherits": set_on(srp, __reduce_ex__=reviver),
        "the bases of a held class": set_on(srp, __bases__=many(named("fluvial.state:State"))),
        "the name of a held class": set_on(srp, __qualname__=text("Other")),
        "the defaults of a held function": set_on(accents, __defaults__=many(number(1))),
        "the attributes of a held function": built(accents, mapping(anything=number(1))),
        "the documentation of a held function": set_on(accents, __doc__=text("other")),
        "set on a class": set_on(state, __init__=reviver),
        "set on a class of River's": set_on(
            named("river.linear_model.log_reg:LogisticRegression"), learn_one=reviver
        ),
        "the dict of a class": built(state, mapping(batch=number(1))),
        "set on a reviver": set_on(reviver, __defaults__=many(number(1))),
        "the dict of a reviver": built(reviver, mapping(_function=number(1))),
        "the function behind a reviver": set_on(reviver, _function=reviver),
        "a __setstate__ of one's own": built(
            built(made(state), mapping(__setstate__=named("learners.bound:revive_getter"))), number(1)
        ),
        "an extend of one's own": built(made(state), mapping(extend=named("learners.bound:revive_getter")))
        + b"("
        + number(1)
        + b"e",
        "the class of a state": set_on(made(state), __class__=named("fluvial.state:Model"))
        + b"q\x00"
        + called(named("learners.bound:revive_getter"), b"h\x00"),
        "items on a state": made(state) + b"(" + text("a") + text("b") + b"u",
        "a key that cannot be hashed": b"}]" + number(1) + b"s",
    }


def _abuse() -> dict[str, bytes]:
    """The loader's own functions with values that no packer writes."""
    rust, array = named("learners.portable:revive_rust"), named("learners.portable:revive_array")
    quantile = "river._river_rust.stats:RsRollingQuantile"
    half = b"G" + struct.pack(">d", 0.5)
    numpy = named("learners.portable:revive_numpy_random")
    return {
        "a width that ends the process": called(rust, text(quantile), many(half, number(1 << 40)), blob(b"")),
        "a width that Rust cannot count": called(
            rust, text(quantile), many(half, number(1 << 62)), blob(b"")
        ),
        "a width of nothing": called(rust, text(quantile), many(half, number(0)), blob(b"")),
        "a state that makes Rust panic": called(
            rust,
            text("river._river_rust.drift:AdaptiveWindowing"),
            many(half, *map(number, (32, 5, 5, 10))),
            blob(b"\xff" * 40),
        ),
        "no state for Rust": called(
            rust, text("river._river_rust.stats:RsIQR"), many(half, half), text("state")
        ),
        "another class in Rust": called(rust, text("builtins:bytearray"), many(number(1000)), blob(b"")),
        "an array that is not there": called(array, many(number(1 << 40)), text("C"), blob(b"")),
        "an array of another size": called(array, many(number(3)), text("C"), blob(b"\0" * 8)),
        "a generator with too few words": called(
            named("learners.portable:revive_random"), blob(b"\0" * 8), b"N"
        ),
        "a generator beyond its end": called(
            named("learners.portable:revive_random"), blob(b"\xff" * 2500), b"N"
        ),
        "numpy's generator beyond its end": called(
            numpy, blob(b"\0" * 2496), number(1 << 30), number(0), half
        ),
        "numpy's generator with too few words": called(numpy, blob(b"\0" * 8), number(0), number(0), half),
        "a counter of something": called(named("learners.portable:revive_counter"), text("abc")),
        "a deque of something": called(named("learners.portable:revive_deque"), text("abc")),
        "a vector of a text": called(named("learners.portable:revive_vector"), text("abc")),
        "a getter of a number": called(named("learners.bound:revive_getter"), number(0)),
        "a range of texts": called(named("learners.portable:revive_range"), *[text("a")] * 3),
    }


def _claims() -> dict[str, bytes]:
    """Lengths that are claimed and not there."""
    huge, big = (1 << 62).to_bytes(8, "little"), (10 << 30).to_bytes(8, "little")
    return {
        "BINBYTES8 of 10 GB": b"\x8e" + big,
        "BINBYTES8 of 2**62 bytes": b"\x8e" + huge,
        "BINUNICODE8 of 10 GB": b"\x8d" + big,
        "BYTEARRAY8 of 10 GB": b"\x96" + big,
        "BYTEARRAY8 of 2**62 bytes": b"\x96" + huge,
        "BINBYTES of 2 GB": b"B" + struct.pack("<I", 1 << 31),
        "BINSTRING of 2 GB": b"T" + struct.pack("<i", (1 << 31) - 1),
        "a number of 2 GB": b"\x8b" + struct.pack("<i", (1 << 31) - 1),
        "a number of a negative length": b"\x8b" + struct.pack("<i", -1),
        "a number of 5,000 digits": b"I" + b"9" * 5_000 + b"\n",
        "a long number of 5,000 digits": b"L" + b"9" * 5_000 + b"L\n",
        "a frame of 10 GB": b"\x95" + big,
        "a frame that is not there": b"\x95" + (1 << 17).to_bytes(8, "little"),
    }
