"""The demonstration: a newcomer sees load balancers come, follow the pods, and go, on this machine, in a minute.

It starts the local world and the controller (with the ServiceAccount and RBAC of deploy/), applies deploy/samples and
prints what came to exist in AWS beside what Kubernetes shows. Each wait has a condition, a limit, and on failure an
explanation. State is written down as processes start, so that `--stop` finds them whatever became of this process.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localworld import tools as control_plane_tools
from localworld.aws_view import AwsView
from localworld.behaviour import Behaviour
from localworld.control_plane import ControlPlane
from localworld.controller_process import ControllerProcess
from localworld.processes import AWS_STAND_IN, Process, WorldError, forget_user_settings, tail
from localworld.tables import Table
from localworld.world import REPOSITORY, SAMPLES, LocalWorld

ROOT = REPOSITORY / ".demo"
DRAINING_SECONDS = 3.0
WAIT_SECONDS = 90.0
HEARTBEAT_SECONDS = 5.0
TOLD_OF = ("Ingress", "Service", "TargetGroupBinding")
SAMPLE_FILES = ("2048-game.yaml", "2048-game-instance.yaml", "echo-nlb.yaml", "echo-nlb-instance.yaml")
GAME = ("game-2048", "deployment-2048")  # the Deployment that is scaled: namespace, name
WIDEST_MESSAGE = 100

# what there is to wait for: the things still missing, in words; empty when all is there
Missing = Callable[[], list[str]]


# ---- what was started, on disk


@dataclass(frozen=True)
class State:
    """What a running demo consists of: process ids by a word of their command line, and the control plane's tools."""

    root: Path
    tools: Path
    processes: dict[str, int]

    def write(self) -> None:
        """Write it to disk, in one piece."""
        path = self.root / "state.json"
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps({"tools": str(self.tools), "processes": self.processes}))
        temporary.replace(path)

    @classmethod
    def read(cls, root: Path) -> State | None:
        """What an earlier run wrote; None when nothing is left of it."""
        path = root / "state.json"
        if not path.exists():
            return None
        written = json.loads(path.read_text())
        return cls(root=root, tools=Path(written["tools"]), processes=written["processes"])

    def stop(self) -> None:
        """Stop what still runs, the controller first, and forget it."""
        for word, pid in reversed(self.processes.items()):
            if word in command_line(pid):
                Process(pid=pid, log=self.root / "unknown").stop()
        ControlPlane(tools=self.tools, root=self.root).stop()
        (self.root / "state.json").unlink(missing_ok=True)


def command_line(pid: int) -> str:
    """The command line of a process; empty when there is none of that id."""
    return subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=10
    ).stdout


# ---- the demonstration


@dataclass
class Demo:
    """One run. `keep` leaves everything running."""

    root: Path
    keep: bool
    _started: float = field(default_factory=time.monotonic, init=False)
    _world: LocalWorld | None = field(default=None, init=False)
    _controller: ControllerProcess | None = field(default=None, init=False)

    def run(self) -> None:
        """All acts; WorldError when something does not come about."""
        self.start_world()
        self.start_controller()
        self.apply_samples()
        self.show_everything()
        self.scale()
        if self.keep:
            self.tell_how_to_use()
        else:
            self.delete_everything()

    # ---- acts

    def start_world(self) -> None:
        """Control plane, nodes, AWS."""
        tools = control_plane_tools.ensure()
        self.say("Starting a Kubernetes control plane (etcd, API server, scheduler …) and AWS (moto) …")
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        self._world = LocalWorld(root=self.root, tools=tools, behaviour=Behaviour(draining_seconds=DRAINING_SECONDS))
        State(root=self.root, tools=tools, processes={}).write()
        self._world.start()
        self._write_state()
        self.say(f"Three nodes are Ready; VPC {self.world.aws.world.vpc_id} has subnets in three zones.")

    def start_controller(self) -> None:
        """The controller, as the ServiceAccount of deploy/."""
        self.say("Starting the controller …")
        self._controller = self.world.controller(kubeconfig=self.world.service_account_kubeconfig())
        self._controller.start(wait=False)
        self._write_state()
        self._controller.wait_ready()
        self.say("The controller is ready.")

    def apply_samples(self) -> None:
        """Apply the samples and wait for load balancers and targets."""
        self.say("Applying the samples: " + ", ".join(SAMPLE_FILES))
        for file in SAMPLE_FILES:
            self.cluster.apply(SAMPLES / file)
        self.until("hostnames in the status of Ingresses and Services", self.without_hostname)
        self.until("targets of every target group", self.without_targets)
        self.until("active load balancers", self.not_active)

    def show_everything(self) -> None:
        """AWS beside Kubernetes."""
        self.title("What exists in AWS")
        for table in self.view.tables():
            print(f"\n{table}")
        self.title("What Kubernetes shows")
        for arguments in KUBECTL_VIEWS:
            print(f"\n$ kubectl {' '.join(arguments)}")
            print(indented(self.cluster.kubectl(*arguments)))
        print(f"\n{event_table(self.events())}", flush=True)

    def scale(self) -> None:
        """2 → 3 → 1, with the targets after each."""
        namespace, deployment = GAME
        self.title(f"Targets follow the pods: {namespace}/{deployment} is scaled 2 → 3 → 1")
        for replicas in (3, 1):
            self.cluster.kubectl("scale", f"deployment/{deployment}", "-n", namespace, f"--replicas={replicas}")
            scaled = time.monotonic()
            self.until(f"{replicas} registered targets", lambda wanted=replicas: self.other_than(wanted))  # type: ignore[misc]  # mypy infers no lambda default
            self.say(f"{replicas} registered, {time.monotonic() - scaled:.1f} s after kubectl scale:")
            print(f"\n{self.view.target_table(self.game_target_group_name())}\n", flush=True)
        self.until("the end of draining", self.draining)
        self.say("Drained:")
        print(f"\n{self.view.target_table(self.game_target_group_name())}\n", flush=True)

    def delete_everything(self) -> None:
        """Delete the samples and wait until AWS is as it was."""
        self.title("Deleting the samples")
        for file in SAMPLE_FILES:
            self.cluster.delete(SAMPLES / file)
        self.until("the end of Ingresses, Services and TargetGroupBindings", self.still_there)
        self.until("an empty AWS", lambda: self.view.leftovers(self.world.aws.world.node_security_group_id))
        self.say("AWS is empty: no load balancers, target groups or security groups of ours, no rules on the nodes.")
        for table in self.view.tables():
            print(f"\n{table}", flush=True)

    def tell_how_to_use(self) -> None:
        """Words for KEEP=1."""
        variables = {
            **AWS_STAND_IN,
            "AWS_ENDPOINT_URL": self.world.aws.url,
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "PATH": f"{self.world.tools}:$PATH",
        }
        lines = [f'export {name}="{value}"' for name, value in variables.items()]
        (self.root / "env").write_text("\n".join(["unset AWS_PROFILE AWS_SESSION_TOKEN", *lines]) + "\n")
        self.title("It keeps running")
        print(
            f"  In a shell of its own (it points kubectl and the AWS CLI at this demo):\n\n"
            f"    source {self.root / 'env'}\n"
            f"    kubectl get ingress,service,targetgroupbindings -A\n"
            f"    kubectl scale deployment/{GAME[1]} -n {GAME[0]} --replicas=5\n"
            f"    aws elbv2 describe-load-balancers        # any AWS CLI v2; the same holds for boto3\n"
            f"    tail -f {self.controller.log}\n\n"
            f"  Stop it with: make demo-stop",
            flush=True,
        )

    # ---- what is still missing

    def without_hostname(self) -> list[str]:
        """Ingresses and Services of type LoadBalancer whose status has no hostname."""
        objects = self.cluster.get("ingresses,services", "-A")["items"]
        ours = [one for one in objects if one["kind"] == "Ingress" or one["spec"]["type"] == "LoadBalancer"]
        return [title_of(one) for one in ours if not one["status"].get("loadBalancer", {}).get("ingress")]

    def without_targets(self) -> list[str]:
        """Namespaces without a binding, and bindings whose group has not the targets it should have."""
        bindings = self.cluster.get("targetgroupbindings", "-A")["items"]
        namespaces = {namespace_of(file) for file in SAMPLE_FILES}
        unbound = sorted(namespaces - {one["metadata"]["namespace"] for one in bindings})
        missing = [f"a TargetGroupBinding in {namespace}" for namespace in unbound]
        for one in bindings:
            expected, seen = self.expected_targets(one), self.view.registered(one["spec"]["targetGroupARN"])
            if expected != seen or not seen:
                missing.append(f"{title_of(one)} has {seen} of {expected} targets")
        return missing

    def expected_targets(self, binding: dict[str, Any]) -> int:
        """Every node for instance targets; every ready endpoint of the Service for ip targets."""
        if binding["spec"].get("targetType") == "instance":
            return len(self.world.aws.world.nodes)
        selector = f"kubernetes.io/service-name={binding['spec']['serviceRef']['name']}"
        slices = self.cluster.get("endpointslices", "-n", binding["metadata"]["namespace"], "-l", selector)["items"]
        endpoints = [endpoint for one in slices for endpoint in one.get("endpoints") or []]
        return sum(bool(endpoint["conditions"].get("ready")) for endpoint in endpoints)

    def not_active(self) -> list[str]:
        """Load balancers that are still being made."""
        balancers = self.view.load_balancers()
        return [one["LoadBalancerName"] for one in balancers if one["State"]["Code"] != "active"]

    def other_than(self, wanted: int) -> list[str]:
        """What the game's target group holds, while it is not the wanted number of registered targets."""
        targets = self.view.targets(self.game_target_group())
        registered = [f"{target} {state}" for target, state in targets.items() if state != "draining"]
        return [] if len(registered) == wanted else registered or ["no targets"]

    def draining(self) -> list[str]:
        """The game's targets that still drain."""
        targets = self.view.targets(self.game_target_group())
        return [target for target, state in targets.items() if state == "draining"]

    def still_there(self) -> list[str]:
        """Ingresses, Services of type LoadBalancer and bindings that are left."""
        objects = self.cluster.get("ingresses,services,targetgroupbindings", "-A")["items"]
        return [title_of(one) for one in objects if one["spec"].get("type") not in ("ClusterIP", "NodePort")]

    # ---- reading

    @property
    def world(self) -> LocalWorld:
        """The started world."""
        if self._world is None:
            raise WorldError("the world has not been started")
        return self._world

    @property
    def controller(self) -> ControllerProcess:
        """The started controller."""
        if self._controller is None:
            raise WorldError("the controller has not been started")
        return self._controller

    @property
    def cluster(self) -> ControlPlane:
        """The control plane."""
        return self.world.control_plane

    @property
    def view(self) -> AwsView:
        """AWS."""
        aws = self.world.aws
        return AwsView(elbv2=aws.elbv2, ec2=aws.ec2, vpc_id=aws.world.vpc_id)

    def game_target_group(self) -> str:
        """The ARN of the game's target group, as its TargetGroupBinding says."""
        bindings = self.cluster.get("targetgroupbindings", "-n", GAME[0])["items"]
        arn: str = bindings[0]["spec"]["targetGroupARN"]
        return arn

    def game_target_group_name(self) -> str:
        """The name of the game's target group."""
        return self.game_target_group().split("/")[-2]

    def events(self) -> list[dict[str, Any]]:
        """The Events on the objects that the controller serves, oldest first."""
        everything = self.cluster.get("events", "-A", "--sort-by=.metadata.creationTimestamp")["items"]
        return [one for one in everything if one["involvedObject"]["kind"] in TOLD_OF]

    # ---- talking and waiting

    def say(self, text: str) -> None:
        """A line of progress with the seconds since the start."""
        print(f"[{time.monotonic() - self._started:5.1f} s] {text}", flush=True)

    def title(self, text: str) -> None:
        """A heading."""
        print(f"\n=== {text} {'=' * max(3, 100 - len(text))}", flush=True)

    def until(self, what: str, missing: Missing, *, seconds: float = WAIT_SECONDS) -> None:
        """Wait until nothing is missing; WorldError naming what is, when the time is over or the controller ends."""
        started = told = time.monotonic()
        while left := missing():
            now = time.monotonic()
            if not self.controller.alive():
                raise WorldError(f"the controller ended while the demo waited for {what}")
            if now - started > seconds:
                raise WorldError(f"{what}: not within {seconds:.0f} s. Still missing: " + "; ".join(left))
            if now - told > HEARTBEAT_SECONDS:
                told = now
                self.say(f"waiting for {what} ({len(left)} to go: {left[0]}{' …' if len(left) > 1 else ''})")
            time.sleep(0.2)

    def _write_state(self) -> None:
        started = {"localworld.moto_server": self.world.aws.server.process}
        if self._controller is not None:
            started["aws_lb_controller"] = self._controller.process
        pids = {word: process.pid for word, process in started.items() if process is not None}
        State(root=self.root, tools=self.world.tools, processes=pids).write()

    # ---- ends

    def explain(self, error: WorldError) -> None:
        """Why it failed, with what helps to find the cause."""
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        if self._controller is not None:
            if str(self._controller.log) not in str(error):
                print(f"\n--- the end of {self._controller.log}\n{tail(self._controller.log)}", file=sys.stderr)
            try:
                print(f"\n{event_table(self.events())}", file=sys.stderr)
            except WorldError:
                print("(the control plane gives no Events)", file=sys.stderr)

    def clean_up(self) -> None:
        """Stop everything; Ctrl-C does not stop the stopping. Logs stay."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if self._world is not None:
            self.say("Stopping the controller, AWS and the control plane …")
            self._world.stop()
            (self.root / "state.json").unlink(missing_ok=True)
            self.say(f"Everything is stopped; logs are in {self.root}.")


KUBECTL_VIEWS = (
    ("get", "ingresses", "-A"),
    ("get", "services", "-A", "--field-selector", "spec.type=LoadBalancer"),
    ("get", "targetgroupbindings", "-A"),
)


def title_of(manifest: dict[str, Any]) -> str:
    """`Ingress game-2048/ingress-2048`."""
    metadata = manifest["metadata"]
    return f"{manifest['kind']} {metadata['namespace']}/{metadata['name']}"


def namespace_of(sample: str) -> str:
    """The namespace that a sample makes: its first document."""
    text = (SAMPLES / sample).read_text()
    return text.split("kind: Namespace", 1)[1].split("name:", 1)[1].split()[0]


def indented(text: str) -> str:
    """Two columns to the right, as the tables are."""
    return "\n".join(f"  {line}" for line in text.rstrip().splitlines())


def event_table(events: list[dict[str, Any]]) -> Table:
    """Events by object; those that repeat are one row."""
    rows = {
        (
            f"{one['involvedObject']['kind']} {one['involvedObject'].get('namespace')}/{one['involvedObject']['name']}",
            one.get("type") or "",
            one.get("reason") or "",
            shortened(one.get("message") or ""),
        ): None
        for one in events
    }
    return Table("EVENTS", ("OBJECT", "TYPE", "REASON", "MESSAGE"), sorted(rows))


def shortened(message: str) -> str:
    """One line of a bearable width."""
    line = " ".join(message.split())
    return line if len(line) <= WIDEST_MESSAGE else line[: WIDEST_MESSAGE - 1] + "…"


def stop_previous(root: Path) -> bool:
    """Stop a demo that still runs, or what a killed one left; whether there was one."""
    state = State.read(root)
    if state is not None:
        state.stop()
    return state is not None


def _terminated(*_: object) -> None:
    raise KeyboardInterrupt


def run(demo: Demo) -> int:
    """Run it and clean up, whatever happens; the exit code."""
    code, leave = 1, False
    try:
        demo.run()
        code, leave = 0, demo.keep
    except WorldError as error:
        demo.explain(error)
    except control_plane_tools.ToolsError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted; cleaning up.", flush=True)
        code = 130
    finally:
        if not leave:
            demo.clean_up()
    return code


def main() -> int:
    """The demo's command line."""
    parser = argparse.ArgumentParser(description="Show the controller at work on this machine.")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end")
    parser.add_argument("--stop", action="store_true", help="stop a demo that was kept")
    options = parser.parse_args()
    forget_user_settings()
    was_running = stop_previous(ROOT)
    if options.stop:
        print("Stopped." if was_running else "No demo is running.")
        return 0
    if was_running:
        print("A demo was still running; it has been stopped.")
    signal.signal(signal.SIGTERM, _terminated)
    return run(Demo(root=ROOT, keep=options.keep))


if __name__ == "__main__":
    sys.exit(main())
