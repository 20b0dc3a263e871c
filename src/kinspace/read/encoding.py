"""Which encoding a file is written in, from its first bytes; or that it is not text at all."""

from __future__ import annotations

import codecs
import re

SAMPLE = 1 << 16
"""How many of the first bytes are looked at."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\b\x1b"))
_UPPER_CONTROLS = bytes(range(0x80, 0xA0))  # letters in Windows code pages, not in ISO ones
_DECLARED = re.compile(rb"""(?:charset|encoding|coding)\s*[=:]\s*["']?([\w.:-]+)""", re.I)
_GUESSED_BYTES = 1 << 14
_ENOUGH = 8  # with fewer letters beyond ASCII, statistics guess worse than habit does
# One code page for each script: among those of one script the statistics are no better than chance.
_PLAUSIBLE = [
    *("cp1252", "cp1250", "cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256"),
    *("cp932", "euc_jp", "euc_kr", "gb18030", "big5"),
]


def is_binary(sample: bytes) -> bool:
    r"""Whether bytes are no text.

    Text has no NUL in its first 8 KiB, unless it starts with the mark of UTF-16 or UTF-32, and
    no more than one control character in ten.

    Examples
    --------
    >>> is_binary(b"plain"), is_binary(b"\x89PNG\r\n\x1a\n\x00")
    (False, True)
    """
    head = sample[:8192]
    if head.startswith(b"%PDF-"):
        return True
    if any(head.startswith(mark) for mark, _ in _MARKS):
        return False
    controls = len(head) - len(head.translate(None, _CONTROL))
    return b"\0" in head or controls * 10 > len(head)


def detect(sample: bytes, *, declared: bool = False) -> str:
    """The name of the encoding that text is written in.

    A byte order mark decides, then whether it is valid UTF-8, then what the file declares,
    then statistics (charset_normalizer) if there is enough to go by, then Windows-1252.

    Parameters
    ----------
    sample : bytes
        The first bytes of the file, `SAMPLE` of them or all.
    declared : bool
        Whether the file may say itself how it is encoded (``charset=`` in HTML).

    Returns
    -------
    str
        A name that `codecs.lookup` knows.

    Examples
    --------
    >>> detect("naïve".encode()), detect("naïve".encode("cp1252"))
    ('utf-8', 'cp1252')
    """
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=len(sample) < SAMPLE)
        return "utf-8"
    except UnicodeDecodeError:
        pass
    if declared and (stated := _declared(sample)):
        return stated
    tried = sample.decode("utf-8", "replace")
    bad = tried.count("\ufffd")
    beyond = sum(not c.isascii() for c in tried)
    if beyond - bad > bad:  # UTF-8 with some damage
        return "utf-8"
    return _guess(sample) or "cp1252"


def _declared(sample: bytes) -> str | None:
    match = _DECLARED.search(sample, 0, 2048)
    if match is None:
        return None
    try:
        name = codecs.lookup(match[1].decode("ascii")).name
        sample.decode(name)
    except (LookupError, ValueError):
        return None
    return name


def _guess(sample: bytes) -> str | None:
    # Lines of pure ASCII say nothing about the encoding and would only dilute the statistics.
    telling = b"\n".join(line for line in sample.split(b"\n") if not line.isascii())
    telling = telling[:_GUESSED_BYTES]
    if len(telling) - len(telling.translate(None, bytes(range(128, 256)))) < _ENOUGH:
        return None
    from charset_normalizer import from_bytes

    matches = from_bytes(telling, cp_isolation=_PLAUSIBLE)
    best = matches.best()
    if best is None:
        return None
    if any(m.encoding == "cp1252" and m.chaos <= best.chaos for m in matches):
        return "cp1252"
    if best.encoding == "cp1250" and telling.translate(None, _UPPER_CONTROLS) == telling:
        return "iso8859_2"  # they share most letters, but not those that are this common
    return best.encoding
