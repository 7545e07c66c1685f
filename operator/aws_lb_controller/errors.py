"""Every exception of the program, in one tree, so that whoever catches one knows whose move it is next.

::

    ControllerError
    ├── UsageError            the operator's: a wrong flag; the program ends with exit code 2
    ├── SpecError             the user's: an object says what cannot be built; wait for an edit
    ├── ForbiddenChange       the user's: what is asked for would undo what must stay, or AWS does not do it in place
    ├── UnmetNeed             the user's, outside Kubernetes: no subnet fits, a named group is missing; ask again later
    ├── AwsError              AWS's: it refused or could not be reached; back off
    │   ├── AwsThrottled      too many calls
    │   ├── AwsUnavailable    no answer, or a 5xx one: whether the call took effect is unknown
    │   ├── AwsNotFound       what the call names is not there (any more)
    │   ├── AwsAlreadyExists  what the call would make is there already
    │   ├── AwsInUse          what the call would delete is still needed, or what it would change still changes
    │   ├── AwsDenied         permissions
    │   └── AwsRefused        any other refusal: AWS will not take what we ask
    ├── KubernetesError       the API server refused or could not be reached; back off
    │   ├── KubernetesConflict   somebody else wrote first, or made it first
    │   ├── KubernetesDenied     permissions
    │   └── KubernetesNotFound   the object is gone
    ├── NotYet                time's: what is waited for will come
    │   └── NoClientSecret    a sign-in waits for its Secret; everything else can be done all the same
    └── NotLeading            ours no longer: another replica leads, nothing may be written

Anything else that is raised is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ControllerError(Exception):
    """The root: whatever this program raises on purpose."""


class UsageError(ControllerError):
    """A flag or setting is wrong. The text is one line, for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one field of one object.

    object: ``Kind namespace/name``; field: the annotation key or the field's path; value: as written ("" for a
    field that is missing); remedy: what to write instead, as a clause that can stand after a colon. member: the
    Ingress (``namespace/name``) of a group that suffers by it where that is not the object itself.
    """

    object: str
    field: str
    value: str
    remedy: str
    member: str = ""

    def __str__(self) -> str:
        shown = f" = {self.value!r}" if self.value else ""
        return f"{self.object}: {self.field}{shown}: {self.remedy}"


class _WithProblems(ControllerError):
    """Carries every problem found at once, so that one edit can mend them all."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(p) for p in self.problems))


class SpecError(_WithProblems):
    """An object that cannot be built as it is written. Nothing helps but an edit."""


class ForbiddenChange(ControllerError):
    """What an object asks for is not done to what exists; the text says why, and what to do instead.

    Either it would take away what is protected, or AWS refuses it for as long as what exists stays what it is.
    """


class UnmetNeed(_WithProblems):
    """What an object needs from AWS is not there (subnets, security groups): the object is fine, so ask again later."""


class AwsError(ControllerError):
    """AWS answered a call with an error, or did not answer.

    operation: the API's name of the call (``CreateLoadBalancer``); code: AWS's error code. about: the resource of a
    stack that the call was for, where that is known: kind (``TargetGroup``, ``Listener``, ``Rule``) and id, or
    ``Certificate`` and ARN.
    """

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.operation, self.code, self.message = operation, code, message
        self.about: tuple[str, str] | None = None
        super().__init__(f"{operation}: {code}: {message}")


class AwsThrottled(AwsError):
    """AWS asks for fewer calls."""


class AwsUnavailable(AwsError):
    """No answer or a server error: the call may have taken effect or not."""


class AwsNotFound(AwsError):
    """What the call names does not exist."""


class AwsAlreadyExists(AwsError):
    """Something of that name, or that very thing, exists."""


class AwsInUse(AwsError):
    """What the call would delete is used by something else or still being let go, or an earlier change of what it would
    change is still under way: later it succeeds.
    """


class AwsDenied(AwsError):
    """The credentials do not allow the call."""


class AwsRefused(AwsError):
    """AWS does not accept the values of the call, or a quota is reached."""


class KubernetesError(ControllerError):
    """The API server refused a request or did not answer; status is the HTTP status, 0 without an answer."""

    def __init__(self, what: str, status: int, message: str) -> None:
        self.what, self.status, self.message = what, status, message
        super().__init__(f"{what}: {status}: {message}")


class KubernetesConflict(KubernetesError):
    """The object was changed or made by somebody else in between."""


class KubernetesDenied(KubernetesError):
    """We are not allowed to."""


class KubernetesNotFound(KubernetesError):
    """The object does not exist."""


class NotYet(ControllerError):
    """Something is under way; look again after `after` seconds (or at the next event, if that comes first).

    told: it may take so long that whoever owns the object is told what is waited for.
    """

    def __init__(self, why: str, *, after: float, told: bool = False) -> None:
        self.why, self.after, self.told = why, after, told
        super().__init__(why)


class NoClientSecret(NotYet):
    """There is no Secret to make a sign-in by OIDC with."""


class NotLeading(ControllerError):
    """This replica does not hold the Lease: it must not write."""
