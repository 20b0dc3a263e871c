"""Categories, numbers, and rows of both, as vectors."""

from kinspace.learn.categories.hashing import HashingEncoder
from kinspace.learn.categories.numbering import BinaryEncoder, LabelEncoder, OrdinalEncoder
from kinspace.learn.categories.numbers import MinMaxScaler, RobustScaler, StandardScaler
from kinspace.learn.categories.one_hot import OneHotEncoder
from kinspace.learn.categories.table import TableEncoder
from kinspace.learn.categories.target import TargetEncoder

__all__ = [
    "BinaryEncoder",
    "HashingEncoder",
    "LabelEncoder",
    "MinMaxScaler",
    "OneHotEncoder",
    "OrdinalEncoder",
    "RobustScaler",
    "StandardScaler",
    "TableEncoder",
    "TargetEncoder",
]
