from datetime import timedelta

import pytest

from aws_lb_controller.errors import UsageError
from aws_lb_controller.settings import HelpRequested, ListenAddress, Settings
from aws_lb_controller.settings.flags import (
    DEFAULT_THROTTLE,
    FLAGS_WITHOUT_EFFECT,
    GATES_ALWAYS_OFF,
    READERS,
    default_of,
    field_of,
)
from aws_lb_controller.settings.gates import NAMES


def settings(*argv: str) -> Settings:
    return Settings.from_args(["--cluster-name=demo", *argv])


def complaint(*argv: str) -> str:
    with pytest.raises(UsageError) as wrong:
        settings(*argv)
    assert "\n" not in str(wrong.value)
    return str(wrong.value)


def test_only_the_clusters_name_must_be_given():
    assert Settings(cluster_name="demo", given=frozenset({"cluster-name"})) == settings()


@pytest.mark.parametrize("argv", [[], ["--cluster-name="], ["--aws-region=us-east-1"]])
def test_a_missing_cluster_name_is_an_error(argv):
    with pytest.raises(UsageError, match=r"^--cluster-name: must be given"):
        Settings.from_args(argv)


@pytest.mark.parametrize("argv", [["--aws-region=us-east-1"], ["--aws-region", "us-east-1"]])
def test_a_value_stands_after_an_equals_sign_or_a_space(argv):
    assert "us-east-1" == settings(*argv).aws_region


def test_a_value_may_hold_equals_signs():
    assert {"a": "b=c"} == settings("--default-tags=a=b=c").default_tags


@pytest.mark.parametrize(
    ("argument", "expected"), [("--enable-waf", True), ("--enable-waf=F", False), ("--enable-waf=1", True)]
)
def test_a_switch_is_read_as_go_reads_it(argument, expected):
    assert expected == settings(argument).enable_waf


def test_a_switch_with_a_detached_value_is_on_as_with_pflag_but_not_in_silence():
    given = settings("--enable-waf", "false", "--aws-region=us-east-1")
    assert (True, "us-east-1") == (given.enable_waf, given.aws_region)
    assert (
        "--enable-waf false: means --enable-waf=true, as a value must follow an equals sign: --enable-waf=false",
    ) == given.warnings()


def test_words_that_are_no_flags_are_passed_over_with_a_warning_each():
    given = settings("run", "-", "--", "--aws-region=us-east-1", "--no-such-flag")
    assert None is given.aws_region
    assert (
        "run: passed over: it is no flag",
        "-: passed over: it is no flag",
        "--aws-region=us-east-1: passed over: it stands behind --",
        "--no-such-flag: passed over: it stands behind --",
    ) == given.warnings()


@pytest.mark.parametrize("argv", [["-aws-region=us-east-1"], ["-aws-region", "us-east-1"], ["--aws-region=us-east-1"]])
def test_one_dash_is_as_good_as_two(argv):
    assert ("us-east-1", ()) == (settings(*argv).aws_region, settings(*argv).warnings())


def test_a_log_level_that_nobody_knows_means_info_with_a_warning():
    given = settings("--log-level=warn")
    assert ("--log-level=warn has no effect: there are info and debug, and info is used",) == given.warnings()


@pytest.mark.parametrize("level", ["info", "debug"])
def test_a_known_log_level_is_not_warned_of(level):
    assert (level, ()) == (settings(f"--log-level={level}").log_level, settings(f"--log-level={level}").warnings())


@pytest.mark.parametrize("number", ["0", "-1"])
def test_fewer_than_one_worker_is_one(number):
    assert 1 == settings(f"--service-max-concurrent-reconciles={number}").service_max_concurrent_reconciles


@pytest.mark.parametrize("flag", ["webhook-cert-dir", "webhook-cert-file", "webhook-key-file"])
def test_an_empty_path_of_the_certificate_means_the_default(flag):
    given = settings(f"--{flag}=")
    assert default_of(flag) == getattr(given, field_of(flag)) != ""


def test_the_later_of_two_values_wins():
    assert "b" == settings("--aws-region=a", "--aws-region=b").aws_region


def test_lists_and_maps_given_twice_are_joined():
    given = settings(
        "--external-managed-tags=a,b", "--external-managed-tags=c", "--default-tags=x=1,y=2", "--default-tags=y=3"
    )
    assert ("a", "b", "c") == given.external_managed_tags
    assert {"x": "1", "y": "3"} == given.default_tags


def test_feature_gates_given_twice_are_joined():
    gates = settings(
        "--feature-gates=ALBSingleSubnet=true,NLBSecurityGroup=false", "--feature-gates=NLBSecurityGroup=t"
    )
    assert (True, True) == (gates.feature_gates.alb_single_subnet, gates.feature_gates.nlb_security_group)
    assert {"ALBSingleSubnet", "NLBSecurityGroup"} == gates.feature_gates.given


def test_a_throttle_replaces_the_limits_of_its_service_only():
    given = settings("--aws-api-throttle=WAFV2:^Get=2.5:7,WAFV2:.*=1:1").aws_api_throttle
    assert [("^Get", 2.5, 7), (".*", 1, 1)] == [(r.operation.pattern, r.rate, r.burst) for r in given["WAFV2"]]
    assert DEFAULT_THROTTLE["Elastic Load Balancing v2"] == given["Elastic Load Balancing v2"]


def test_values_have_their_types():
    given = settings(
        "--sync-period=1h30m",
        "--metrics-bind-addr=127.0.0.1:9090",
        "--health-probe-bind-addr=0",
        "--watch-namespace=shop",
        "--required-secrets-label=team=shop",
        "--service-max-concurrent-reconciles=5",
        "--aws-api-endpoints=EC2=https://ec2.example.com,Elastic Load Balancing v2=http://elb.example.com:80",
    )
    assert timedelta(hours=1, minutes=30) == given.sync_period
    assert ListenAddress(host="127.0.0.1", port=9090) == given.metrics_bind_addr
    assert None is given.health_probe_bind_addr
    assert "shop" == given.watch_namespace
    assert ("team", "shop") == given.required_secrets_label
    assert 5 == given.service_max_concurrent_reconciles
    assert "http://elb.example.com:80" == given.aws_api_endpoints["Elastic Load Balancing v2"]


def test_the_flags_that_were_typed_are_known():
    assert {"cluster-name", "enable-waf", "aws-region"} == settings("--enable-waf", "--aws-region=").given


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--clutser-name=x"], "--clutser-name: no such flag; did you mean --cluster-name?"),
        (["--aws_region=x"], "--aws_region: no such flag; did you mean --aws-region?"),
        (["--zzz"], "--zzz: no such flag; see --help"),
        (["-v=4"], "-v: no such flag; see --help"),
        (["--aws-region"], "--aws-region: needs a value: --aws-region=VALUE"),
        (["--aws-region", "--enable-waf"], "--aws-region: needs a value: --aws-region=VALUE"),
    ],
)
def test_what_is_no_known_flag_with_a_value_is_refused_with_the_remedy(argv, expected):
    assert expected == complaint(*argv)


def test_webhook_port_0_is_the_default_and_a_limit_of_targets_below_0_is_none():
    given = settings("--webhook-bind-port=0", "--max-targets-per-target-group=-1")
    assert (9443, 0) == (given.webhook_bind_port, given.max_targets_per_target_group)


@pytest.mark.parametrize(
    ("argument", "allowed"),
    [
        ("--enable-waf=yes", "must be true or false"),
        ("--default-target-type=pod", "must be one of instance, ip"),
        ("--default-load-balancer-scheme=x", "must be one of internal, internet-facing"),
        ("--service-max-concurrent-reconciles=many", "must be a whole number of 1 or more"),
        ("--webhook-bind-port=70000", "must be a whole number from 0 to 65535"),
        ("--max-targets-per-target-group=all", "must be a whole number of 0 or more"),
        ("--backend-security-group=web", "must be an id that starts with sg-"),
        ("--sync-period=10", "must be 0 or a duration such as 15s, 2m or 10h0m0s"),
        ("--watch-namespace=a,b", "must be the name of one namespace, or empty for all of them"),
        ("--default-tags=team", "must be pairs written key=value,key=value"),
        ("--required-secrets-label=team", "must be a label written key=value"),
        ("--feature-gates=NLBGateway=true", "no such feature gate 'NLBGateway'; did you mean NLBGatewayAPI?"),
        ("--feature-gates=NLBGatewayAPI=on", "NLBGatewayAPI must be true or false"),
        ("--feature-gates=EnableRGTAPI", "EnableRGTAPI must be written EnableRGTAPI=true or EnableRGTAPI=false"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_with_what_is_allowed(argument, allowed):
    assert f"{argument}: {allowed}" == complaint(argument)


def test_a_value_of_several_lines_is_still_refused_in_one():
    assert complaint("--watch-namespace=a\nb").startswith("--watch-namespace=a b: must be")


@pytest.mark.parametrize(
    ("argv", "start"),
    [
        (["--default-tags=elbv2.k8s.aws/cluster=x"], "--default-tags=elbv2.k8s.aws/cluster: "),
        (["--external-managed-tags=service.k8s.aws/stack"], "--external-managed-tags=service.k8s.aws/stack: "),
        (["--external-managed-tags=team", "--default-tags=team=shop"], "--external-managed-tags=team: "),
        (
            ["--enable-manage-backend-security-group-rules", "--enable-backend-security-group=false"],
            "--enable-manage-backend-security-group-rules=true: needs --enable-backend-security-group=true",
        ),
    ],
)
def test_flags_that_contradict_each_other_are_an_error(argv, start):
    assert complaint(*argv).startswith(start)


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["-help"], ["--nonsense", "--help"]])
def test_help_is_given_whatever_else_is_typed(argv):
    with pytest.raises(HelpRequested):
        Settings.from_args(argv)


def test_the_help_tells_every_flag_and_feature_gate():
    with pytest.raises(HelpRequested) as asked:
        Settings.from_args(["--help"])
    lines = {line.split()[0] for line in str(asked.value).splitlines() if line[:2] == "  " and line[2] != " "}
    assert {*(f"--{flag}" for flag in READERS), *NAMES} == lines


def test_the_help_says_what_has_no_effect_and_why():
    with pytest.raises(HelpRequested) as asked:
        Settings.from_args(["--help"])
    text = " ".join(str(asked.value).split())
    for why in {*FLAGS_WITHOUT_EFFECT.values(), *GATES_ALWAYS_OFF.values()}:
        assert f"No effect here: {why}." in text


def test_nothing_is_warned_of_when_nothing_without_effect_is_given():
    assert () == settings("--enable-waf=false", "--default-tags=a=b", "--feature-gates=ALBSingleSubnet=true").warnings()


def test_flags_and_gates_without_effect_are_told_with_the_reason():
    given = settings("--nlb-gateway-max-concurrent-reconciles=9", "--feature-gates=GlobalAcceleratorController=true")
    assert (
        "--nlb-gateway-max-concurrent-reconciles has no effect: the Gateway API is not served",
        "--feature-gates=GlobalAcceleratorController=true has no effect: Global Accelerators are not managed",
    ) == given.warnings()


def test_asking_for_what_is_so_anyway_is_not_warned_of():
    assert () == settings("--aws-vpc-tag-key=Name", "--feature-gates=NLBGatewayAPI=false").warnings()
