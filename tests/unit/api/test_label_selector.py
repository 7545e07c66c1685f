import pytest

from aws_lb_controller.api.selector import LabelSelector

SHOP = {"team": "shop", "tier": "web"}


def selector(*expressions: tuple[str, str, list[str]], **labels: str) -> LabelSelector:
    wanted = [{"key": key, "operator": operator, "values": values} for key, operator, values in expressions]
    return LabelSelector.model_validate({"matchLabels": labels, "matchExpressions": wanted})


@pytest.mark.parametrize("labels", [{}, SHOP])
def test_an_empty_selector_selects_everything(labels):
    assert LabelSelector().matches(labels)


def test_all_labels_must_be_there_with_their_values():
    assert selector(team="shop", tier="web").matches(SHOP)
    assert not selector(team="shop", tier="db").matches(SHOP)
    assert not selector(zone="a").matches(SHOP)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (("team", "In", ["shop", "bank"]), True),
        (("team", "In", ["bank"]), False),
        (("zone", "In", ["a"]), False),
        (("team", "NotIn", ["bank"]), True),
        (("team", "NotIn", ["shop"]), False),
        (("zone", "NotIn", ["a"]), True),
        (("team", "Exists", []), True),
        (("zone", "Exists", []), False),
        (("team", "DoesNotExist", []), False),
        (("zone", "DoesNotExist", []), True),
    ],
)
def test_an_expression_matches_as_in_kubernetes(expression, expected):
    assert expected == selector(expression).matches(SHOP)


def test_labels_and_expressions_must_all_match():
    assert not selector(("tier", "In", ["db"]), team="shop").matches(SHOP)
    assert selector(("tier", "In", ["web"]), team="shop").matches(SHOP)
