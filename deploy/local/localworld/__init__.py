"""The local world: a Kubernetes control plane and AWS on this machine, without Docker.

One place brings both up, and the demo, the tests and developers use it alike: `tools` gets the binaries,
`control_plane` runs them (KWOK's binary runtime), `moto_server` is AWS, `aws_world` fills it with a VPC and nodes,
`controller_process` runs the controller between the two, `demo` shows them at work. See docs/test-world.md.
"""
