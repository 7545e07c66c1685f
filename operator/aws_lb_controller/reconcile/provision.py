"""From a wish to what stands in AWS: the road that Services and IngressGroups share."""

from __future__ import annotations

from collections.abc import Sequence

from aws_lb_controller.api.names import Reason
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.stack import build, questions
from aws_lb_controller.errors import UnmetNeed
from aws_lb_controller.intent.values import StackIntent
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.reconcile.deploy import Deployed, Deployer
from aws_lb_controller.reconcile.ports import Answerer, Obj
from aws_lb_controller.reconcile.telling import Teller


class Provisioner:
    """Builds and deploys stacks, and tells the objects they belong to when that fails."""

    def __init__(self, *, answerer: Answerer, deployer: Deployer, config: BuildConfig, teller: Teller) -> None:
        self._answerer, self._deployer, self._config, self._teller = answerer, deployer, config, teller

    def build(self, intent: StackIntent, *, told: Sequence[Obj]) -> Stack:
        """The stack that the wish asks for. Raises SpecError, or UnmetNeed where AWS lacks what it needs."""
        with self._teller.stage(told, Reason.FAILED_BUILD_MODEL):
            return self._build(intent)

    def deploy(self, stack: Stack, *, told: Sequence[Obj]) -> Deployed:
        """Everything in the stack exists, and nothing else that is tagged as its."""
        with self._teller.stage(told, Reason.FAILED_DEPLOY_MODEL):
            return self._deployer.deploy(stack)

    def remove(self, stack_id: StackId, *, told: Sequence[Obj], deletion_protection_off: bool) -> None:
        """Nothing of the stack exists. Needs no valid wish: it goes by tags.

        deletion_protection_off: the user's own annotation says that a protected load balancer may go.
        """
        with self._teller.stage(told, Reason.FAILED_DEPLOY_MODEL):
            self._deployer.remove(stack_id, deletion_protection_off=deletion_protection_off)

    def _build(self, intent: StackIntent) -> Stack:
        asked = questions(intent, self._config)
        try:
            return build(intent, self._answerer.answer(asked), self._config)
        except UnmetNeed:
            # the answers may be old: somebody may have made what was lacking
            return build(intent, self._answerer.answer(asked, refresh=True), self._config)
