"""Records that hold a ciphertext: all but it stays what it was."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.cli import records
from strongroom.cli.failures import CommandError


def read(reader, data):
    return list(reader(records.Lines(io.BytesIO(data))))


def test_line_keeps_its_end_and_its_spaces():
    found = read(records.lines(), b"AAAA\r\n  BBBB \n\nCCCC")
    assert [record.text for record in found] == ["AAAA", "BBBB", "", "CCCC"]
    assert b"".join(r.with_text(b"X") if r.text else r.raw for r in found) == b"X\r\n  X \n\nX"


@pytest.mark.parametrize(
    ("raw", "path", "after"),
    [
        ('{"c":"AAAA"}', "c", '{"c":"X"}'),
        ('  {  "n" : 1.50 , "c"  :  "AAAA" }\r\n', "c", '  {  "n" : 1.50 , "c"  :  "X" }\r\n'),
        ('{"a":{"c":"AA","b":[{"c":"BB"}]},"c":"AA"}', "a.c",
         '{"a":{"c":"X","b":[{"c":"BB"}]},"c":"AA"}'),
        ('{"x":"AA\\/A","c":"AA\\/A"}', "c", '{"x":"AA\\/A","c":"X"}'),
        ('{"x":"}\\"{","\\u0063":"AAAA"}', "c", '{"x":"}\\"{","\\u0063":"X"}'),
        ('{"ü":"\\ud83d","c":"AAAA","ä":[]}', "c", '{"ü":"\\ud83d","c":"X","ä":[]}'),
    ],
)  # fmt: skip
def test_json_keeps_all_but_the_field(raw, path, after):
    (record,) = read(records.json_lines(path, {}), raw.encode())
    assert record.with_text(b"X").decode() == after


@pytest.mark.parametrize(
    "raw", ["{}", '{"a":1}', '{"a":{}}', '{"a":{"c":null}}', '{"a":{"c":""}}', "", '{"a":[1]}']
)
def test_json_without_the_field_has_no_ciphertext(raw):
    (record,) = read(records.json_lines("a.c", {}), raw.encode() + b"\n")
    assert (record.text, record.problem) == ("", "")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"c":1}', b"[]", b'"AAAA"', b"{", b'{"c":"A"} x', b'{"c":"A","c":"B"}', b'{"c":"\xff"}',
        b'{"c":"A","t":null}', b'{"c":"A","t":true}', b'{"c":' + b"[" * 100_000,
        b'{"c":"A","t":{"x":"y"}}',
    ],
)  # fmt: skip
def test_json_with_which_nothing_can_be_done_says_so_and_repeats_nothing(raw):
    (record,) = read(records.json_lines("c", {"tenant": "t"}), raw)
    assert record.problem
    assert record.raw == raw
    assert "A" not in record.problem


def test_json_has_the_context_in_its_fields():
    raw = b'{"c":"AAAA","who":{"tenant":"acme"},"id":7}'
    (record,) = read(records.json_lines("c", {"t": "who.tenant", "i": "id"}), raw)
    assert record.context == {"t": "acme", "i": "7"}


@given(
    st.dictionaries(st.text(max_size=5), st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    )),
    st.integers(0, 3), st.booleans(),
)  # fmt: skip
def test_any_object_is_the_same_but_for_its_ciphertext(rest, indent, ascii_only):
    value = {**rest, "c": "AAAA"}
    raw = json.dumps(value, ensure_ascii=ascii_only, separators=(" " * indent + ",", " : "))
    (record,) = read(records.json_lines("c", {}), raw.encode())
    assert record.with_text(b"AAAA").decode() == raw
    assert json.loads(record.with_text(b"BBBB")) == {**value, "c": "BBBB"}


def test_csv_keeps_quoting_line_ends_and_bytes_that_are_no_text():
    data = (
        b'\xef\xbb\xbf"id",card,note\r\n1,AAAA,"a ""note"", of\nlines"\r\n'
        b'2,"BBBB",\xff\xfe\n3,,none\n4,CCCC,last'
    )
    header, *rows = read(records.csv_rows("card", {"id": "id"}), data)
    assert header.is_header
    assert [row.text for row in rows] == ["AAAA", "BBBB", "", "CCCC"]
    assert [row.number for row in rows] == [2, 4, 5, 6]
    assert rows[0].context == {"id": "1"}
    again = header.raw + b"".join(r.with_text(b"X") if r.text else r.raw for r in rows)
    expected = data.replace(b"AAAA", b"X").replace(b"BBBB", b"X").replace(b"CCCC", b"X")
    assert again == expected


@pytest.mark.parametrize(
    ("row", "after"),
    [
        (b"AAAA,AAAA,1\r\n", b"AAAA,X,1\r\n"),
        (b'"AAAA","AAAA","a,b"\n', b'AAAA,X,"a,b"\n'),
        (b',AAAA,"AAAA"', b",X,AAAA"),
    ],
)
def test_csv_row_with_the_text_twice_is_written_anew(row, after):
    _, record = read(records.csv_rows("c", {}), b"a,c,b\n" + row)
    assert record.with_text(b"X") == after


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a,b\n", "is not there"), (b"c,c\n", "is there twice"),
        (b'c\n"AAAA" x\n', "no CSV"), (b'c\n"AAAA\n', "no CSV"),
        (b'c\n"' + b"x\n" * 600_000, "longer than"), (b"c\n" + b"x" * 1_100_000, "longer than"),
    ],
)  # fmt: skip
def test_what_is_no_csv_with_that_column_ends_the_run(data, says):
    with pytest.raises(CommandError, match=says):
        read(records.csv_rows("c", {}), data)


def test_empty_input_has_no_records():
    for reader in (records.lines(), records.json_lines("c", {}), records.csv_rows("c", {})):
        assert read(reader, b"") == []


def test_csv_row_without_the_columns_for_the_context_says_so():
    _, short, empty = read(records.csv_rows("c", {"t": "t"}), b"c,t\nAAAA\n\n")
    assert short.problem
    assert (empty.text, empty.problem) == ("", "")
