"""From text to numbers: tokenizers, phrases, vocabularies, and corpora that are read once."""

from kinspace.learn.text.corpus import Corpus, read_corpus
from kinspace.learn.text.phrases import Phrases
from kinspace.learn.text.tokenized import Tokenized, tokenize
from kinspace.learn.text.tokenizer import Tokenizer, as_tokenizer
from kinspace.learn.text.training import train_tokenizer
from kinspace.learn.text.vocabulary import Vocabulary

__all__ = [
    "Corpus",
    "Phrases",
    "Tokenized",
    "Tokenizer",
    "Vocabulary",
    "as_tokenizer",
    "read_corpus",
    "tokenize",
    "train_tokenizer",
]
