"""The model files of Facebook's fastText: ``.bin``, and the quantised ``.ftz``.

What is in them is read into plain arrays; :mod:`kinspace.learn.words.facebook` makes a model of it.
"""

from kinspace.pretrained.fasttext_file.content import Content, Loss, Options, huffman_of
from kinspace.pretrained.fasttext_file.reading import is_fasttext_file, kind_of, read
from kinspace.pretrained.fasttext_file.writing import write

__all__ = [
    "Content",
    "Loss",
    "Options",
    "huffman_of",
    "is_fasttext_file",
    "kind_of",
    "read",
    "write",
]
