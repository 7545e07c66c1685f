"""How a builder complains: it names whom the intent blames, and goes on, so that one edit can mend everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType

from aws_lb_controller.build.facts import Unanswered
from aws_lb_controller.errors import Problem, SpecError, UnmetNeed
from aws_lb_controller.intent.values import Blame
from aws_lb_controller.model.stack import StackId


class Findings:
    """Gathers what is wrong: ``with findings:`` keeps a SpecError or UnmetNeed and goes on after the block.

    What such a block assigns may only be used after `finish`, which raises whatever was found.
    """

    def __init__(self) -> None:
        self._wrong: dict[Problem, None] = {}
        self._unmet: dict[Problem, None] = {}

    def __enter__(self) -> Findings:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, SpecError):
            self._wrong.update(dict.fromkeys(error.problems))
        elif isinstance(error, UnmetNeed):
            self._unmet.update(dict.fromkeys(error.problems))
        return isinstance(error, (SpecError, UnmetNeed))

    def finish(self) -> None:
        """Raises SpecError where an edit is needed in any case, else UnmetNeed, with every problem in either."""
        everything = tuple(dict.fromkeys([*self._wrong, *self._unmet]))
        if self._wrong:
            raise SpecError(everything)
        if self._unmet:
            raise UnmetNeed(everything)


def blamed(blame: Mapping[str, Blame], field: str, *, remedy: str, stack: StackId, value: str = "") -> Problem:
    """A problem with a field, told to whom the intent blames for it, or else to the stack's owner."""
    whom = blame.get(field) or Blame(object=_owner(stack), field=field)
    return Problem(whom.object, whom.field, value, remedy, whom.member)


def untold(answer: Unanswered) -> str:
    """The remedy where AWS would not tell what somebody needs to know."""
    way_out = "give the controller the permission" if answer.denied else "see to it in AWS"
    return f"AWS does not tell ({answer}): {way_out}"


def suffered_by(problem: Problem, asker: Blame) -> Problem:
    """The same problem, which a member of a group has who asks for something else that does not go with it."""
    kind, _, name = asker.object.partition(" ")
    member = asker.member or (name if kind == "Ingress" else "")
    return problem if problem.object == f"Ingress {member}" else replace(problem, member=member or problem.member)


def _owner(stack: StackId) -> str:
    if stack.owner == "service":
        return f"Service {stack.name}"
    return f"{'Ingress' if '/' in stack.name else 'IngressGroup'} {stack.name}"
