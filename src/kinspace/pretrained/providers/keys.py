"""Keys of services: from the environment or the system's keyring, and never shown.

A key is no parameter of anything, so that it reaches no repr, no ``get_params``, no fingerprint
and no file. It goes into one header of each request, and :func:`without` takes it out of whatever
a service says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from kinspace.errors import InvalidParameter, ProviderError

KEYRING = "kinspace"
"""Under which service the system's keyring holds keys; the user name is that of the variable."""

_SHOWN_BY_SERVICES = 6
"""So many first characters of a key appear where a service shows a key in part."""


def find_key(variables: Sequence[str], service: str, *, in_keyring: bool = True) -> str:
    """The key in the first variable that is set, else in the keyring; empty if there is none.

    Parameters
    ----------
    variables : sequence of str
        Names of environment variables, which are also the user names in the keyring.
    service : str
        What the key is for, for messages.
    in_keyring : bool
        Whether to look there: where no key may be wanted, no keyring need be unlocked.

    Raises
    ------
    InvalidParameter
        If what is found there cannot be a key; it is not shown.
    """
    for variable in variables:
        if key := os.environ.get(variable, "").strip():
            return _checked(key, f"${variable}", service)
    for variable in variables if in_keyring else ():
        if key := (_from_keyring(variable) or "").strip():
            return _checked(key, f"the keyring under {variable}", service)
    return ""


def require_key(variables: Sequence[str], service: str) -> str:
    """The key of :func:`find_key`.

    Raises
    ------
    ProviderError
        If there is none.
    """
    key = find_key(variables, service)
    if not key:
        raise ProviderError(
            f"There is no key for {service}.",
            f"Put it into ${variables[0]}, or into the system's keyring "
            f'(pip install "kinspace[keyring]", then: keyring set {KEYRING} {variables[0]}).',
        )
    return key


def without(key: str, text: str) -> str:
    """A text without the key, whole or as services show it in part.

    Examples
    --------
    >>> without("sk-12345678", "Incorrect key: sk-123**678.")
    'Incorrect key: …'
    """
    if not key:
        return text
    start = key[:_SHOWN_BY_SERVICES]
    return re.sub(re.escape(start) + r"\S*", "…", text.replace(key, "…"))


def _checked(key: str, where: str, service: str) -> str:
    if not re.fullmatch(r"[!-~]+", key):  # http.client would show the header that it refuses
        raise InvalidParameter(
            f"What {where} holds is no key: it has blanks or characters that no key has.",
            f"Copy the key of {service} again.",
        )
    return key


def _from_keyring(variable: str) -> str | None:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        found: str | None = keyring.get_password(KEYRING, variable)
    except (KeyringError, RuntimeError, OSError):  # locked, or a machine without one
        return None
    return found
