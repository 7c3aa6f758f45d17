"""Addresses of databases and files, and how they are shown: without the passwords that they contain."""

import re
import urllib.parse
from collections.abc import Mapping, Sequence

DATABASE_SCHEMES = ("sqlite", "postgresql", "postgres")
WEB_SCHEMES = ("https", "http")
STORE_SCHEMES = ("s3", "gs", "abfs", "abfss")

# The parameters of an address that may be shown. All others may be secrets, or may contain them.
_SHOWN_NAMES = """application_name channel_binding client_encoding connect_timeout database db dbname gssencmode host
    hostaddr keepalives load_balance_hosts mode passfile port require_auth server service sslcert sslcrl sslkey sslmode
    sslrootcert table target_session_attrs timeout uid uri user username"""
_SHOWN = frozenset(_SHOWN_NAMES.split())
# A text with two of these keys is a connection string, such as `host=db user=me password=...`.
_CONNECTION_NAMES = "database dbname host hostaddr password port pwd server sslpassword uid user"
_KEYS_OF_CONNECTIONS = frozenset(_CONNECTION_NAMES.split())
_SECRET = re.compile(
    r"passw(or)?d|passphrase|(^|_)(pass|sig)$|pwd|secret|token$|credential|signature|apikey|[a-z]_key$"
)
_SEARCH_PATH = re.compile(r'(-c\s*search_path=[\w,$"]+\s*)+', re.A)  # It names schemas, and readers need it.
_HIDDEN = "***"

_ADDRESS = re.compile(r"(?<![A-Za-z])([A-Za-z][\w+.-]*:)*[A-Za-z][\w+.-]*:/+\S*", re.A)
_HEAD = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}", re.A)
_PAIR = re.compile(r"(?<![\w.])(\w+)\s*=\s*")
_VALUE = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?:[^\s\\]|\\+.)*""", re.S)
_ORACLE = re.compile(r"(jdbc:\w+:\w+:)[^\s@]*@", re.I)


def is_database_url(text: str) -> bool:
    """Return True for a SQL URL, False for a file."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.partition("+")[0].lower() in DATABASE_SCHEMES


def is_object_address(text: str) -> bool:
    """Return True for an address in an object store or on a web server, False for a file or a database."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.lower() in (*STORE_SCHEMES, *WEB_SCHEMES)


def is_web_address(text: str) -> bool:
    """Return True for an address on a web server, which can only be read."""
    return is_object_address(text) and text.partition("://")[0].lower() in WEB_SCHEMES


def is_local_path(text: str) -> bool:
    """Return True for a file or folder of this machine: anything but the address of a database, store or server."""
    return not is_database_url(text) and not is_object_address(text)


def check_cluster(address: str) -> str:
    """Return the address of a Ray cluster: `auto`, or `HOST:PORT` of its head.

    Raises: ValueError: it is another address; the message says what to write instead.
    """
    if address == "auto" or _HEAD.fullmatch(address):
        return address
    if "://" in address:
        raise ValueError(
            f"{hide_secrets(address)}: Ray's client and job addresses do not work here; write HOST:6379, the address of"
            " the head, on a machine of the cluster, or submit the command with `ray job submit`"
        )
    raise ValueError(f"{address!r} is neither auto nor HOST:PORT, such as 10.0.0.5:6379")


def is_connection_string(text: str) -> bool:
    """Return True for a text such as `host=db user=me`, which some programs accept in place of a URL."""
    keys = [match[1].lower() for match in _PAIR.finditer(text)]
    return len(_KEYS_OF_CONNECTIONS.intersection(keys)) > 1


def hide_secrets(text: str) -> str:
    """Return a text without the passwords of the addresses and connection strings in it.

    An address loses its password and every parameter that is not known to be harmless. The text may be a message that
    contains addresses; an address that contains blanks must be the whole text.
    """
    if "://" in text and _is_address(text):
        text = _hide_in_address(text)
    text = _ADDRESS.sub(lambda match: _hide_in_address(match[0]), text)
    return _hide_values(_ORACLE.sub(rf"\1{_HIDDEN}@", text))


def secret_values(parameters: Mapping[str, str | Sequence[str]]) -> list[str]:
    """Return the values of those parameters of a URL that may not be shown, the longest first."""
    values = [each for key, value in parameters.items() if not _may_be_shown(key, value) for each in _to_list(value)]
    return sorted(filter(None, values), key=len, reverse=True)


def _to_list(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _may_be_shown(key: str, value: str | Sequence[str]) -> bool:
    values = _to_list(value)
    if key.lower() == "options":
        return all(_SEARCH_PATH.fullmatch(each) for each in values)
    return key.lower() in _SHOWN and all(hide_secrets(each) == each for each in values)


def _is_address(text: str) -> bool:
    return re.match(r"[\w+.:-]*://", text) is not None and ": " not in text


def _hide_in_address(address: str) -> str:
    match = re.match(r"(.*?):(/+)(.*)", address, re.S)
    assert match is not None
    scheme, slashes, rest = match.groups()
    user, at, place = rest.rpartition("@")
    if at and ":" in user and len(slashes) < 3:  # With three slashes a path begins, and there is no user.
        rest = re.split(r"[:/?#]", user)[0] + "@" + place
    place, question, parameters = rest.partition("?")
    if question:
        is_database = is_database_url(f"{scheme}://")
        harmless = [text for each in re.split("[&;]", parameters) if (text := _hide_parameter(each, is_database))]
        rest = place + question * bool(harmless) + "&".join(harmless)
        rest += ":" if address.endswith(":") and not rest.endswith(":") else ""  # It belongs to the sentence.
    return f"{scheme}:{slashes}{rest}"


def _hide_parameter(parameter: str, is_database: bool) -> str:
    """Return a parameter of an address if it may be shown; otherwise only its name, or nothing for a database."""
    key, separator, value = parameter.partition("=")
    if _may_be_shown(key, urllib.parse.unquote_plus(value)):
        return parameter
    return "" if is_database else f"{key}={_HIDDEN}" if separator else parameter


def _hide_values(text: str) -> str:
    """Replace the values of `key=value` that may be secret."""
    is_connection = is_connection_string(text)
    parts, end = [], 0
    for match in _PAIR.finditer(text):
        key = match[1].lower()
        is_secret = _SECRET.search(key) or (is_connection and key not in _SHOWN)
        if match.start() < end or not is_secret:
            continue
        value = _VALUE.match(text, match.end())
        assert value is not None
        colon = ":" if value[0].endswith(":") else ""  # It belongs to the sentence.
        parts += [text[end : match.end()], _HIDDEN + colon]
        end = value.end()
    return "".join([*parts, text[end:]])
