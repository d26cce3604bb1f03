"""CSV: a reader of RFC 4180 gets every cell back, and no spreadsheet runs one."""

import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.export import csv_lines
from tests.support.entries import entries, simple, texts

# Written down again: these begin a formula in one spreadsheet or another.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", *"\uff1d\uff0b\uff0d\uff20")


def parsed(raw):
    """The records by RFC 4180, 2: cells in quotes, quotes doubled, CRLF behind each record."""
    records, cells, cell, at = [], [], "", 0
    text = raw.decode()
    while at < len(text):
        assert text[at] == '"', "every cell stands in quotes"
        at, cell = at + 1, ""
        while True:
            end = text.index('"', at)
            cell, at = cell + text[at:end], end + 1
            if text[at : at + 1] != '"':
                break
            cell, at = cell + '"', at + 1
        cells.append(cell)
        if text[at] == ",":
            at += 1
        else:
            assert text[at : at + 2] == "\r\n"
            at += 2
            records.append(cells)
            cells = []
    assert not cells
    return records


def bare(cell):
    return cell.removeprefix("'")


@given(entries)
def test_every_field_comes_back_as_it_was(entry):
    (cells,) = parsed(csv_lines.line(entry))
    row = dict(zip(csv_lines.COLUMNS, map(bare, cells), strict=True))
    event = entry.event
    for name in ("namespace", "principal", "action", "object", "reason", "missing", "source"):
        assert row[name] == getattr(event, name)
    for name in ("policies", "details", "records"):
        assert msgspec.json.decode(row[name] or b"null") == (getattr(event, name) or None)
    assert (row["position"], row["leaf_hash"]) == (str(entry.position), entry.leaf_hash.hex())
    assert (row["token"], row["request"], row["sealed"]) == (
        event.token, event.request, event.sealed,
    )  # fmt: skip


@given(entries)
def test_no_cell_begins_as_a_formula_does(entry):
    (cells,) = parsed(csv_lines.line(entry))
    assert not any(cell.startswith(FORMULAS) for cell in cells)


@pytest.mark.parametrize("start", FORMULAS)
def test_a_formula_is_text(start):
    line = csv_lines.line(simple(principal=f'{start}cmd|"/C calc"!A0'))
    assert f'"\'{start}cmd|""/C calc""!A0"'.encode() in line


def test_an_apostrophe_of_the_cells_own_is_not_lost():
    (cells,) = parsed(csv_lines.line(simple(principal="'=1")))
    assert cells[csv_lines.COLUMNS.index("principal")] == "''=1"


@given(st.lists(entries, max_size=3))
def test_pythons_own_reader_sees_the_same_cells(some):
    raw = csv_lines.header() + b"".join(map(csv_lines.line, some))
    own = list(csv.reader(io.StringIO(raw.decode(), newline=""), strict=True))
    assert own == parsed(raw)


@given(texts)
def test_a_cell_cannot_become_two(text):
    line = csv_lines.line(simple(missing=text))
    (cells,) = parsed(line)
    assert len(cells) == len(csv_lines.COLUMNS)


def test_the_header_is_the_one_that_spreadsheets_were_made_for():
    assert csv_lines.header() == (
        b'"position","time","namespace","principal","action","object","version","outcome",'
        b'"reason","missing","policies","details","source","token","request","records","sealed",'
        b'"format","leaf_hash"\r\n'
    )
