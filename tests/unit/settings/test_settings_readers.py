from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.settings import ListenAddress, Settings, readers
from aws_lb_controller.settings.flags import READERS, field_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10h0m0s", timedelta(hours=10)),
        ("16m40s", timedelta(seconds=1000)),
        ("1.5h", timedelta(minutes=90)),
        (".5s", timedelta(milliseconds=500)),
        ("500ms", timedelta(milliseconds=500)),
        ("2us", timedelta(microseconds=2)),
        ("+3s", timedelta(seconds=3)),
        ("0", timedelta(0)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text, expected):
    assert expected == readers.duration(zero=True)(text)


@pytest.mark.parametrize("text", ["", "10", "s", "1d", "1h 2m", "-1s", "1s2", "+", "1e3s", "9" * 400 + "h"])
def test_what_go_would_not_read_as_a_duration_or_is_below_zero_is_refused(text):
    with pytest.raises(ValueError, match="such as 15s"):
        readers.duration(zero=True)(text)


def test_a_delay_of_nothing_is_refused_where_it_would_spin():
    with pytest.raises(ValueError, match="above zero"):
        readers.duration()("0s")


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3650)))
def test_a_duration_shown_and_read_is_the_same(value):
    assert value == readers.duration(zero=True)(readers.show_duration(value))


@pytest.mark.parametrize(
    ("text", "expected"), [("10", 10), ("+10", 10), ("010", 8), ("0x1f", 31), ("0b11", 3), ("1_000", 1000), ("0", 0)]
)
def test_a_whole_number_is_read_as_go_reads_it(text, expected):
    assert expected == readers.whole_number(0)(text)


@pytest.mark.parametrize("text", ["", " 1", "1.0", "ten", "09", "1e3", "--1", "٣"])
def test_what_go_would_not_read_as_a_whole_number_is_refused(text):
    with pytest.raises(ValueError, match="must be a whole number of 0 or more"):
        readers.whole_number(0)(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ()), ("a", ("a",)), ("a,b", ("a", "b")), ('"a,b",c', ("a,b", "c"))],
)
def test_a_list_is_separated_by_commas(text, expected):
    assert expected == readers.read_list(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1,b=2", {"a": "1", "b": "2"}),
        ("a=1,2", {"a": "1,2"}),
        ('"a=1,2",b=', {"a": "1,2", "b": ""}),
    ],
)
def test_a_map_is_read_as_pflag_reads_it(text, expected):
    assert expected == readers.read_map(text)


@pytest.mark.parametrize("text", ["a", "a=1,b=2,c", '"a=1,b=2'])
def test_a_map_without_pairs_or_with_an_open_quote_is_refused(text):
    with pytest.raises(ValueError, match="must be"):
        readers.read_map(text)


DEFAULT = ListenAddress(host="", port=8080)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":9090", ListenAddress(host="", port=9090)),
        ("0.0.0.0:80", ListenAddress(host="0.0.0.0", port=80)),
        ("[::1]:80", ListenAddress(host="::1", port=80)),
        ("localhost:0", ListenAddress(host="localhost", port=0)),
        ("", DEFAULT),
        ("0", None),
    ],
)
def test_an_address_is_host_and_port_or_nothing(text, expected):
    assert expected == readers.listen_address(empty=DEFAULT)(text)


@pytest.mark.parametrize("text", ["8080", ":http", ":65536", "::1:80", "a:b:80", ":"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="must be an address such as :8080"):
        readers.listen_address(empty=None)(text)


@pytest.mark.parametrize(
    "text", ["", "ELB", "ELB:x", "ELB:x=1", "ELB:x=a:1", "ELB:x=1:b", "ELB:[=1:1", "ELB:x=0:1", "ELB:x=nan:1"]
)
def test_a_throttle_that_says_no_limit_is_refused(text):
    with pytest.raises(ValueError, match="must"):
        readers.read_throttle(text)


@pytest.mark.parametrize("text", ["EC2=ec2.example.com", "EC2=ftp://x", "EC2=https://"])
def test_an_endpoint_that_is_no_url_is_refused(text):
    with pytest.raises(ValueError, match="EC2 must have a URL"):
        readers.read_endpoints(text)


@pytest.mark.parametrize("flag", sorted(READERS.keys() - {"cluster-name", "feature-gates", "aws-api-throttle"}))
def test_a_default_shown_and_read_is_the_same(flag):
    default = Settings.model_fields[field_of(flag)].default
    assert default == READERS[flag].read(READERS[flag].show(default))


def test_the_default_throttle_shown_and_read_is_the_same():
    default = Settings(cluster_name="demo").aws_api_throttle
    assert default == readers.read_throttle(readers.show_throttle(default))


def test_no_label_at_all_is_none():
    assert None is readers.read_label("")


@pytest.mark.parametrize("text", ["team", "team=", "=shop"])
def test_a_label_needs_key_and_value(text):
    with pytest.raises(ValueError, match="must be a label written key=value"):
        readers.read_label(text)
