"""Files of word vectors that other programs write and read: word2vec, GloVe, fastText, gensim."""

from kinspace.pretrained.vector_files.block import Block
from kinspace.pretrained.vector_files.guess import Format, guess
from kinspace.pretrained.vector_files.reading import VectorFile, table
from kinspace.pretrained.vector_files.writing import target_format, write_blocks, write_vectors

__all__ = [
    "Block",
    "Format",
    "VectorFile",
    "guess",
    "table",
    "target_format",
    "write_blocks",
    "write_vectors",
]
