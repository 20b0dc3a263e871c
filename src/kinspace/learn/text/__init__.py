"""From text to numbers: tokenizers, vocabularies, and corpora that are read once."""

from kinspace.learn.text.corpus import Corpus, read_corpus
from kinspace.learn.text.tokenizer import Tokenizer, as_tokenizer
from kinspace.learn.text.vocabulary import Vocabulary

__all__ = ["Corpus", "Tokenizer", "Vocabulary", "as_tokenizer", "read_corpus"]
