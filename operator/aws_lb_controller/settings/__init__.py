"""Every flag and feature gate of the command line, as one typed value.

Start at `Settings`. `flags` is the table of all flags, `gates` that of the feature gates; `readers` knows how each kind
of value is spelt (Go's durations and booleans, pflag's lists and maps), `command_line` splits arguments as pflag does.
"""

from aws_lb_controller.settings.flags import HelpRequested, Settings
from aws_lb_controller.settings.gates import FeatureGates
from aws_lb_controller.settings.readers import ListenAddress, ThrottleRule

__all__ = ["FeatureGates", "HelpRequested", "ListenAddress", "Settings", "ThrottleRule"]
