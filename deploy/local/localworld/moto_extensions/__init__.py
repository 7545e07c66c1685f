"""What AWS does and moto 5.2 does not: kept settings, draining targets, and refusals.

moto accepts much that AWS refuses, and forgets some of what it is told; a controller tested against it alone would
pass with bugs that hurt on AWS. Each module here registers changes to moto's classes, `install` carries them out, in
this process: moto's server (`localworld.moto_server`) calls it, and so do tests that use moto in-process.
docs/test-world.md lists every one.
"""

from __future__ import annotations

import os

from localworld.behaviour import Behaviour
from localworld.moto_extensions import (
    certificates,
    firewalls,
    listeners,
    load_balancers,
    network,
    refusals,
    sign_in,
    targets,
)
from localworld.moto_extensions.patching import behaviour, carry_out

__all__ = ["Behaviour", "behaviour", "install"]

PARTS = (network, load_balancers, listeners, certificates, sign_in, firewalls, targets, refusals)


def install(wanted: Behaviour | None = None) -> None:
    """Change moto's classes in this process, once however often called; `wanted` replaces the behaviour in force."""
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # hundreds of images, made anew at every reset
    carry_out()
    if wanted is not None:
        behaviour.become(wanted)
