"""From a wish to what stands in AWS: the road that Services and IngressGroups share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from aws_lb_controller.api.names import Reason
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Facts
from aws_lb_controller.build.firewalls import unanswered
from aws_lb_controller.build.ignored import passed_over
from aws_lb_controller.build.stack import build, questions
from aws_lb_controller.cluster.indexes import full_name
from aws_lb_controller.errors import KubernetesError, Problem, UnmetNeed
from aws_lb_controller.intent.values import StackIntent
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.reconcile import capacity, firewalls
from aws_lb_controller.reconcile.deploy import Deployed, Deployer, Publish
from aws_lb_controller.reconcile.ports import Answerer, Obj
from aws_lb_controller.reconcile.telling import Teller


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A wish and the stack it became. facts: what it was built with, None where it is the wish of the last deployment.

    ignored: what of the wish has no effect on what exists. unanswered: what AWS would not tell of its firewalls.
    """

    intent: StackIntent
    stack: Stack
    facts: Facts | None = None
    ignored: Sequence[Problem] = ()
    unanswered: Sequence[Problem] = ()


class Provisioner:
    """Builds and deploys stacks, and tells the objects they belong to when that fails.

    A wish that is the same as at the last deployment builds the same stack: AWS is asked nothing then.
    """

    def __init__(self, *, answerer: Answerer, deployer: Deployer, config: BuildConfig, teller: Teller) -> None:
        self._answerer, self._deployer, self._config, self._teller = answerer, deployer, config, teller
        self._deployed: dict[StackId, tuple[StackIntent, Stack]] = {}

    def provision(
        self,
        intent: StackIntent,
        *,
        told: Sequence[Obj],
        publish: Publish,
        before: Callable[[], None] = lambda: None,
    ) -> Deployed:
        """Everything that the wish asks for exists, and nothing else that is tagged as its stack's.

        before: what must be done between building and deploying. publish: tells users what stands (see
        `Deployer.deploy`); where it fails the deployment goes on, and the failure is raised at its end. Raises
        SpecError, UnmetNeed where AWS lacks what is needed, and whatever `Deployer.deploy` raises.
        """
        with self._teller.stage(told, Reason.FAILED_BUILD_MODEL):
            built = self.build(intent)
        before()
        return self.deploy(built, told=told, publish=publish, blamed=told)

    def build(self, intent: StackIntent) -> Built:
        """The stack of a wish. Nobody is told when it fails: raises SpecError, UnmetNeed, AwsError."""
        then, stack = self._deployed.get(intent.stack, (None, None))
        if then == intent and stack is not None:
            return Built(intent=intent, stack=stack)
        asked = questions(intent, self._config)
        facts = self._answerer.answer(asked)
        try:
            stack = build(intent, facts, self._config)
        except UnmetNeed:
            # the answers may be old: somebody may have made what was lacking
            facts = self._answerer.answer(asked, refresh=True)
            stack = build(intent, facts, self._config)
        return Built(
            intent=intent,
            stack=stack,
            facts=facts,
            ignored=passed_over(intent, facts, stack),
            unanswered=unanswered(intent, facts),
        )

    def deploy(self, built: Built, *, told: Sequence[Obj], publish: Publish, blamed: Sequence[Obj]) -> Deployed:
        """What was built exists. told are told what of it has no effect, blamed that it failed.

        Raises what `Deployer.deploy` raises, and at the end what publishing raised.
        """
        if built.facts is not None:
            self._tell(told, built.ignored)
        self._deployed.pop(built.intent.stack, None)
        attempt = _Attempt(publish)
        with self._teller.stage(blamed, Reason.FAILED_DEPLOY_MODEL):
            deployed = self._deployer.deploy(built.stack, publish=attempt)
        if attempt.failure:
            raise attempt.failure
        refused = firewalls.problems(deployed.unguarded, built.intent)
        if unmet := (*built.unanswered, *refused, *capacity.problems(deployed.without_capacity, built.intent)):
            return replace(deployed, unmet=unmet)
        self._deployed[built.intent.stack] = (built.intent, built.stack)
        return deployed

    def remove(self, stack_id: StackId, *, told: Sequence[Obj], deletion_protection_off: bool) -> None:
        """Nothing of the stack exists. Needs no valid wish: it goes by tags.

        deletion_protection_off: the user's own annotation says that a protected load balancer may go.
        """
        self._deployed.pop(stack_id, None)
        with self._teller.stage(told, Reason.FAILED_DEPLOY_MODEL):
            self._deployer.remove(stack_id, deletion_protection_off=deletion_protection_off)

    def doubt(self, stack_id: StackId) -> None:
        """Others may have changed what the stack was built from, and the stack itself: the next run asks AWS."""
        self._deployed.pop(stack_id, None)
        self._deployer.doubt(stack_id)

    def _tell(self, told: Sequence[Obj], problems: Sequence[Problem]) -> None:
        for obj in told:
            name = full_name(obj)
            mine = [problem for problem in problems if problem.member == name or problem.object.endswith(f" {name}")]
            self._teller.passed_over(obj, mine, found="building")


class _Attempt:
    """Publishes, and keeps what goes wrong, for the API server's refusal changes nothing in AWS."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self.failure: KubernetesError | None = None

    def __call__(self, deployed: Deployed) -> None:
        try:
            self._publish(deployed)
        except KubernetesError as e:
            self.failure = e
