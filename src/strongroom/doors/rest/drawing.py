"""QR codes: for a page, as SVG that takes the width that there is, and as PNG."""

from typing import Final

import segno

_SCALE: Final = 5  # pixels of a module in a PNG: a phone's camera reads it from another screen


def svg(text: str) -> str:
    """The code as an SVG element without a size of its own; "" for what is in none."""
    code = _code(text)
    # With a size, and then shown smaller, it would be cut off and not scaled.
    return "" if code is None else code.svg_inline(omitsize=True)


def png(text: str) -> str:
    """The code as a `data:` URI of a PNG; "" for what is in none."""
    code = _code(text)
    return "" if code is None else code.png_data_uri(scale=_SCALE)


def _code(text: str) -> segno.QRCode | None:
    """The smallest code that stands the loss of 15 percent, or else of 7."""
    for level in ("m", "l") if text else ():
        try:
            return segno.make_qr(text, error=level)
        except segno.DataOverflowError:  # long names, all of it percent-encoded
            continue
    return None


# Codecs are loaded when first needed, and a gate opens no file once it serves.
svg("otpauth://"), png("otpauth://")
