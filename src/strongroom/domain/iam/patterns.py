"""Patterns as AWS writes them: `*` is anything, `?` one character."""


def fits(pattern: str, text: str) -> bool:
    """Whether the whole text is one that the pattern means.

    In steps of both lengths multiplied at most, whatever the pattern: a regular expression of many
    stars would try them in all their places.
    """
    at = here = 0
    star, taken = -1, 0  # the last `*`, and where the text goes on if it takes no more
    while here < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, taken = at, here
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[here]):
            at, here = at + 1, here + 1
        elif star >= 0:
            taken += 1
            at, here = star + 1, taken
        else:
            return False
    return not pattern[at:].strip("*")
