"""Of a Secret only what is needed is kept, and of the client's secret only a mark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.intent.oidc_client import client_id, client_secret, kept, mark
from builders_kube import a_secret


def a_mark(text: str, *, name: str = "oidc") -> str | None:
    return mark(kept(a_secret(name, clientID="shop", clientSecret=text)))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"clientID": "new"}, "new"),
        ({"clientId": "old"}, "old"),
        ({"clientID": "new", "clientId": "old"}, "new"),
        ({"clientid": "none"}, None),
        ({"clientID": "shop \n"}, "shop"),
        ({"clientID": " shop\u2003\t"}, " shop"),
        ({"clientID": "shop\x1f"}, "shop\x1f"),
    ],
)
def test_the_clients_name_may_stand_under_two_keys_and_loses_white_space_at_its_end(
    keys: dict[str, str], expected: str | None
) -> None:
    assert expected == client_id(kept(a_secret(**keys)))


@pytest.mark.parametrize(
    ("text", "expected"), [("one \n", "one "), ("one\x00\r\n", "one"), ("\none", "\none"), ("one\x85", "one")]
)
def test_the_client_secret_loses_only_control_characters_at_its_end(text: str, expected: str) -> None:
    assert expected == client_secret(a_secret(clientID="shop", clientSecret=text))


def test_a_secret_without_the_key_has_no_client_secret_and_no_mark() -> None:
    assert (None, None) == (client_secret(a_secret(clientID="shop")), mark(kept(a_secret(clientID="shop"))))


@given(st.text("abcXYZ012", min_size=12).map("hush-{}".format))
def test_nothing_of_the_client_secret_is_kept(text: str) -> None:
    secret = a_secret(clientID="shop", clientSecret=text, tlsKey="private")
    left = repr(kept(secret))
    assert [False] * 3 == [word in left for word in (text, secret["data"]["clientSecret"], secret["data"]["tlsKey"])]


@given(st.text(), st.text())
def test_marks_differ_exactly_where_client_secrets_do(one: str, other: str) -> None:
    def trimmed(text: str) -> str | None:
        return client_secret(a_secret(clientID="shop", clientSecret=text))

    assert (trimmed(one) == trimmed(other)) == (a_mark(one) == a_mark(other))


def test_a_newline_that_an_editor_adds_changes_no_mark() -> None:
    assert a_mark("one") == a_mark("one\n")


def test_the_same_text_in_another_secret_has_another_mark() -> None:
    assert a_mark("one") != a_mark("one", name="other")


def test_a_label_changes_no_mark() -> None:
    assert mark(kept(a_secret())) == mark(kept(a_secret(labels={"team": "shop"}, version=2)))
