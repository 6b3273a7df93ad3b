"""CRC-32C, with which TFRecord files guard their records."""

import functools

import numpy as np

# The polynomial of Castagnoli, bits reversed.
POLYNOMIAL = 0x82F63B78
ALL_ONES = 0xFFFFFFFF
# What TFRecord adds to a rotated checksum.
MASK = 0xA282EAD8
# Bytes that are gone through one by one, in as many columns as the data has.
COLUMN = 64


def masked_crc32c(content: bytes) -> int:
    """Return the checksum that TFRecord writes behind a record.

    Args:
        content: The bytes.
    """
    crc = crc32c(content)
    return ((crc >> 15 | crc << 17) + MASK) & ALL_ONES


def crc32c(content: bytes) -> int:
    """Return the CRC-32C of bytes.

    A remainder of a sum is the sum of the remainders: columns are divided side by side
    and joined in pairs, which takes a hundredth of the time of byte after byte.

    Args:
        content: The bytes.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    columns = 1 << max(-(-len(content) // COLUMN) - 1, 0).bit_length()
    # Zeros in front leave a remainder that begins with 0 as it is.
    padded = content.rjust(columns * COLUMN, b"\0")
    steps = np.frombuffer(padded, np.uint8).reshape(columns, COLUMN).T
    found = np.zeros(columns, np.uint32)
    table = _table()
    for step in steps:
        found = table[(found ^ step) & 0xFF] ^ (found >> np.uint32(8))
    level = COLUMN.bit_length() - 1
    while len(found) > 1:
        found = _shifted(found[::2], level) ^ found[1::2]
        level += 1
    begin = np.array([ALL_ONES], np.uint32)
    for bit in range(len(content).bit_length()):
        if len(content) >> bit & 1:
            begin = _shifted(begin, bit)
    return int(found[0] ^ begin[0]) ^ ALL_ONES


@functools.cache
def _table() -> np.ndarray:
    """Return the remainders of all bytes."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(POLYNOMIAL), table >> 1)
    return table


def _shifted(remainders: np.ndarray, level: int) -> np.ndarray:
    """Return remainders after 2**level bytes of zeros."""
    tables = _zeros(level)
    return (
        tables[0][remainders & 0xFF]
        ^ tables[1][remainders >> np.uint32(8) & 0xFF]
        ^ tables[2][remainders >> np.uint32(16) & 0xFF]
        ^ tables[3][remainders >> np.uint32(24)]
    )


@functools.cache
def _zeros(level: int) -> np.ndarray:
    """Return what 2**level bytes of zeros make of each byte of a remainder."""
    places = np.arange(0, 32, 8, dtype=np.uint32)[:, np.newaxis]
    found = np.arange(256, dtype=np.uint32) << places
    if level:
        return _shifted(_shifted(found, level - 1), level - 1)
    return _table()[found & 0xFF] ^ (found >> np.uint32(8))
