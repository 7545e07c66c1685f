"""Which targets are ours is kept where, and as, the controller before us kept it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.cluster.config_maps import ConfigMaps
from aws_lb_controller.cluster.kinds import CONFIG_MAP
from aws_lb_controller.errors import KubernetesError, NotLeading
from aws_lb_controller.reconcile.multi_cluster import TrackedTargets, read, written
from fake_api import FakeApi, no_answer

WEB = "shop/web"
PATH = CONFIG_MAP.path_of("shop", "aws-lbc-targets-web")
A, B = ("10.0.0.1", 8080, None), ("10.0.0.2", 8080, None)


@pytest.fixture
def api() -> Any:
    return FakeApi()


def tracked(api: Any) -> TrackedTargets:
    """As a new process has it."""
    return TrackedTargets(ConfigMaps(api, namespace="kube-system", may_write=lambda: None))


identities = st.tuples(
    st.sampled_from(["10.0.0.1", "2001:db8::1", "2001:db8::1:8080", "i-0123456789abcdef0"]),
    st.integers(1, 65535),
    st.sampled_from([None, "0x0123456789abcdef"]),
)


class TestForm:
    @given(st.frozensets(identities))
    def test_what_is_written_is_read(self, targets: frozenset[Any]) -> None:
        assert targets == read(written(targets))

    def test_it_is_that_of_the_controller_before_us(self) -> None:
        targets = {("10.0.0.2", 80, None), ("10.0.0.1", 443, "0x0123456789abcdef"), ("i-0a1b", 30080, None)}
        expected = "10.0.0.1:443:0x0123456789abcdef,10.0.0.2:80,i-0a1b:30080"
        assert expected == written(targets)

    @pytest.mark.parametrize("text", ["", ",", "nonsense", "10.0.0.1", ":80", "10.0.0.1:http"])
    def test_what_cannot_be_read_is_nobodys_target(self, text: str) -> None:
        assert {A} == read(f"{text},10.0.0.1:8080")


class TestTracking:
    def test_without_a_config_map_nothing_is_known(self, api: Any) -> None:
        assert None is tracked(api).of(WEB)

    def test_a_binding_whose_config_map_is_empty_is_known_to_have_no_targets(self, api: Any) -> None:
        api.put(PATH, {"metadata": {"namespace": "shop", "name": "aws-lbc-targets-web"}})
        assert frozenset() == tracked(api).of(WEB)

    def test_it_is_kept_beside_the_binding_and_survives_us(self, api: Any) -> None:
        tracked(api).keep(WEB, {A, B})
        assert {"targets": "10.0.0.1:8080,10.0.0.2:8080"} == api.objects[PATH]["data"]
        assert {A, B} == tracked(api).of(WEB)

    def test_it_is_read_once_and_written_only_when_it_changes(self, api: Any) -> None:
        tracked(api).keep(WEB, {A})
        again = tracked(api)
        api.requests.clear()
        for _ in range(2):
            again.of(WEB)
            again.keep(WEB, {A})
        assert [("GET", PATH)] == api.requests

    def test_after_a_write_that_failed_it_is_read_anew(self, api: Any) -> None:
        mine = tracked(api)
        mine.keep(WEB, {A})
        api.before = failing("PUT")
        with pytest.raises(KubernetesError):
            mine.keep(WEB, {B})
        api.before = lambda _method, _path: None
        api.put(PATH, {**api.objects[PATH], "data": {"targets": written({B})}})  # it had taken effect
        assert {B} == mine.of(WEB)

    def test_what_cannot_be_read_is_an_error_not_an_empty_list(self, api: Any) -> None:
        api.before = failing("GET")
        with pytest.raises(KubernetesError):
            tracked(api).of(WEB)

    def test_a_binding_that_goes_takes_it_along(self, api: Any) -> None:
        mine = tracked(api)
        mine.keep(WEB, {A})
        mine.drop(WEB)
        mine.drop(WEB)
        assert (False, None) == (PATH in api.objects, mine.of(WEB))

    def test_bindings_of_one_name_in_two_namespaces_do_not_mix(self, api: Any) -> None:
        mine = tracked(api)
        mine.keep(WEB, {A})
        mine.keep("other/web", {B})
        assert ({A}, {B}) == (mine.of(WEB), mine.of("other/web"))

    def test_who_does_not_lead_writes_nothing(self, api: Any) -> None:
        def may_not() -> None:
            raise NotLeading("another replica leads")

        with pytest.raises(NotLeading):
            TrackedTargets(ConfigMaps(api, namespace="kube-system", may_write=may_not)).keep(WEB, {A})
        assert {} == api.objects


def failing(method: str) -> Any:
    def fail(asked: str, _path: str) -> None:
        if asked == method:
            raise no_answer(method)

    return fail
