"""Tokenizers that are trained on one's own texts: BPE, WordPiece and Unigram."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter
from kinspace.learn.stages import Stages, shown

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Fast

Kind = Literal["bpe", "wordpiece", "unigram"]
_BYTES = 256
_TELL_EVERY = 10_000


def train_tokenizer(
    items: Iterable[str],
    kind: Kind = "bpe",
    *,
    vocabulary_size: int = 30_000,
    min_count: int | None = None,
    lower: bool = False,
    special_tokens: Sequence[str] = (),
    progress: bool | Stages = False,
) -> Fast:
    """Train a tokenizer of the package ``tokenizers`` on texts.

    ========= ================================================ ===================================
    kind      pieces                                           like
    ========= ================================================ ===================================
    bpe       bytes, and pairs of pieces that come often;      GPT-2 (Sennrich et al. 2016,
              nothing is unknown                               Radford et al. 2019)
    wordpiece characters, and pairs of pieces whose joining    BERT (Schuster & Nakajima 2012,
              makes the text likelier; inner pieces have ``##`` Devlin et al. 2019)
    unigram   the pieces by which the text is likeliest        T5 (Kudo 2018)
    ========= ================================================ ===================================

    Parameters
    ----------
    items : iterable of str
        Texts. Gone through once; what is held is their different words.
    kind : {"bpe", "wordpiece", "unigram"}
    vocabulary_size : int
        Pieces, at most, special ones included. Over 256 for ``"bpe"``.
    min_count : int, optional
        Pairs that come less often are not joined; 2 if not given. Not for ``"unigram"``, which
        weighs pieces instead.
    lower : bool
        Whether all is put into lower case.
    special_tokens : sequence of str
        Put first. ``"wordpiece"`` adds BERT's five, ``"unigram"`` adds ``<unk>``.
    progress : bool or callable

    Returns
    -------
    tokenizers.Tokenizer
        The same texts give the same ``"bpe"``; of the others the package may number equal pieces
        in another order, and round scores otherwise, from run to run. The method
        ``save("tokenizer.json")`` writes it; any learner of words takes it, or the path of that
        file, as ``tokenizer``.

    Raises
    ------
    EmptyInput
        If there is no text.
    InvalidInput
        If an item is no text.
    InvalidParameter
        If an argument is out of its range.

    Examples
    --------
    >>> texts = ["the cat sat on the mat", "the cats sat on mats"] * 20
    >>> tokenizer = train_tokenizer(texts, "wordpiece", vocabulary_size=60)
    >>> tokenizer.encode("The cats", add_special_tokens=False).tokens
    ['[UNK]', 'cats']
    """
    if kind not in get_args(Kind):
        raise InvalidParameter(
            f"Unknown kind {kind!r}.", f"Choose one of: {', '.join(get_args(Kind))}."
        )
    least = _BYTES + 1 if kind == "bpe" else 1
    if vocabulary_size < least:
        raise InvalidParameter(f"vocabulary_size is {vocabulary_size}.", f"Give at least {least}.")
    if min_count is not None and (min_count < 0 or kind == "unigram"):
        remedy = "Leave it out with unigram." if kind == "unigram" else "Give at least 0."
        raise InvalidParameter(f"min_count is {min_count}.", remedy)
    if isinstance(items, str):
        raise InvalidInput(f"{items!r:.80} is not a list of texts.", "Give a list, also of one.")
    tokenizer: Fast
    tokenizer, trainer = _MAKERS[kind](
        vocabulary_size, 2 if min_count is None else min_count, lower, list(special_tokens)
    )
    with shown(progress) as tell:
        read = _Counted(items, tell)
        try:
            tokenizer.train_from_iterator(iter(read), trainer)
        except Exception as error:  # the package raises nothing narrower
            if "not large enough" not in str(error):
                raise
            raise InvalidParameter(
                f"vocabulary_size is {vocabulary_size:,}, fewer than the single characters.",
                "Give a larger vocabulary_size.",
            ) from error
    if not read.words:
        raise EmptyInput("There are no words to learn from.", "Give some texts.")
    if tokenizer.get_vocab_size() > vocabulary_size:
        raise InvalidParameter(
            f"The single characters and special tokens alone are {tokenizer.get_vocab_size():,} "
            f"pieces, and vocabulary_size is {vocabulary_size:,}.",
            "Give a larger vocabulary_size.",
        )
    return tokenizer


class _Counted:
    """Texts on the way to the trainer."""

    def __init__(self, items: Iterable[str], tell: Stages) -> None:
        self.items, self.tell = items, tell
        self.words = False

    def __iter__(self) -> Iterator[str]:
        number = 0
        for number, item in enumerate(self.items, 1):
            if not isinstance(item, str):
                raise InvalidInput(f"{item!r:.80} is not a text.", "Give strings.")
            try:
                item.encode()
            except UnicodeEncodeError as error:
                raise InvalidInput(
                    f"{item!r:.80} holds half a character (a lone surrogate).",
                    "Clean it with: text.encode('utf-8', 'replace').decode().",
                ) from error
            self.words = self.words or not (item == "" or item.isspace())
            if number % _TELL_EVERY == 0:
                self.tell("read", number, 0)
            yield item
        self.tell("read", number, number)


def _bpe(size: int, min_count: int, lower: bool, special: list[str]) -> tuple[Fast, Any]:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    if lower:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_count,
        show_progress=False,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    return tokenizer, trainer


def _wordpiece(size: int, min_count: int, lower: bool, special: list[str]) -> tuple[Fast, Any]:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    of_bert = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=min_count,
        show_progress=False,
        special_tokens=[*dict.fromkeys(of_bert + special)],
    )
    return tokenizer, trainer


def _unigram(size: int, _: int, lower: bool, special: list[str]) -> tuple[Fast, Any]:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    steps = [normalizers.NFKC(), *([normalizers.Lowercase()] if lower else [])]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size,
        show_progress=False,
        special_tokens=[*dict.fromkeys(["<unk>", *special])],
        unk_token="<unk>",
    )
    return tokenizer, trainer


_MAKERS: dict[str, Callable[[int, int, bool, list[str]], tuple[Any, Any]]] = {
    "bpe": _bpe,
    "wordpiece": _wordpiece,
    "unigram": _unigram,
}
