"""Bytes into text by the charset a mail claims, whatever that is and whether or not it is true.

Names are looked up in a table of our own: ``codecs.lookup`` imports modules by the name it is given and remembers
every miss for ever, and some of its codecs are no charsets (``idna``) or no text (``zlib``).
"""

from encodings.aliases import aliases

_NO_CHARSETS = {
    "base64_codec", "bz2_codec", "hex_codec", "idna", "mbcs", "oem", "punycode", "quopri_codec", "raw_unicode_escape",
    "rot_13", "undefined", "unicode_escape", "uu_codec", "zlib_codec",
}  # fmt: skip
_CODECS = {name: codec for name, codec in aliases.items() if codec not in _NO_CHARSETS}
_CODECS.update({codec: codec for codec in aliases.values() if codec not in _NO_CHARSETS})
_CODECS.update(
    {
        # What mail programs mean by these names is the larger set.
        "us_ascii": "utf_8",
        "ascii": "utf_8",
        "iso_8859_1": "cp1252",
        "latin1": "cp1252",
        "latin_1": "cp1252",
        "gb2312": "gb18030",
        "gbk": "gb18030",
        "x_gbk": "gb18030",
        "ks_c_5601_1987": "cp949",
        "ks_c_5601": "cp949",
        "euc_kr": "cp949",
        "shift_jis": "cp932",
        "x_sjis": "cp932",
        "windows_31j": "cp932",
        "iso_2022_jp": "iso2022_jp_2",
        "cp_850": "cp850",
        "unicode_1_1_utf_7": "utf_7",
        "unicode_1_1_utf_8": "utf_8",
        "utf8mb4": "utf_8",
        "iso_8859_8_i": "iso8859_8",
        "iso_8859_8_e": "iso8859_8",
        "x_mac_roman": "mac_roman",
        "windows_874": "cp874",
        "iso_8859_11": "cp874",
        "koi8_r": "koi8_r",
        "koi8_u": "koi8_u",
    }
)


def codec_of(charset: str) -> str | None:
    """The Python codec for a charset name, or None when there is none."""
    name = charset.strip().strip("'\"").lower().replace("-", "_").replace(" ", "_")
    return _CODECS.get(name) or _CODECS.get(name.replace(".", "_"))


def decode_bytes(data: bytes, charset: str) -> str:
    """Text of ``data``: by its charset when that is known and fits, else as UTF-8, else as Windows-1252."""
    codec = codec_of(charset) if charset else None
    if codec is not None:
        try:
            return data.decode(codec)
        except UnicodeError:
            if codec not in ("utf_8", "cp1252"):
                return data.decode(codec, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if codec == "utf_8" and charset.lower().replace("-", "").startswith("utf"):
        return data.decode("utf-8", "replace")  # it is UTF-8, with damage
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")
